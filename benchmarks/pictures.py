"""Measure how long it takes to fetch a folder of pictures, in relation to Keras, which reads the same files.

PYTHONPATH=src python benchmarks/pictures.py                    60,000 pictures
PYTHONPATH=src python benchmarks/pictures.py --rounds 1 --images 200

In turn: the stage fetch for `source: folder`, from the listing of the files to the arrays on the disk, with
new processes in each round; and keras.utils.image_dataset_from_directory, from the listing to one array in
memory. Neither includes the import of its libraries. The files are read once before, so that all are in
memory.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from digits import cli
from digits.config.data import Folder
from measuring import machine, spread

CLASSES = 10


def write_pictures(folder: Path, n: int) -> None:
    """Write `n` grey pictures of 28 x 28 pixels, noise in a margin of zeros, in a folder for each class."""
    random = np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / str(label)).mkdir(parents=True)
    for number in range(n):
        image = np.zeros((28, 28), np.uint8)
        image[6:22, 6:22] = random.integers(0, 256, (16, 16))
        Image.fromarray(image).save(folder / f"{number % CLASSES}/{number:05}.png")


def seconds_of_fetch(root: Path) -> float:
    from joblib.externals import loky

    from digits.data import folder

    preset = Folder(name="benchmark", source="folder", path=str(root), color_mode="grayscale", test=0.1)
    with tempfile.TemporaryDirectory() as target:
        start = time.perf_counter()
        folder.fetch(preset, root, Path(target))
        seconds = time.perf_counter() - start
    loky.get_reusable_executor().shutdown(wait=True)  # so that the next round starts new processes
    return seconds


def seconds_of_keras(root: Path) -> float:
    import keras

    start = time.perf_counter()
    pictures = keras.utils.image_dataset_from_directory(
        root, color_mode="grayscale", image_size=(28, 28), batch_size=1000, shuffle=False, verbose=False
    )
    np.concatenate([images.numpy().astype(np.uint8) for images, _ in pictures])
    return time.perf_counter() - start


def main(arguments: argparse.Namespace) -> None:
    import keras  # noqa: F401  before anything is timed

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "pictures"
        write_pictures(root, arguments.images)
        seconds_of_keras(root)
        ratios = [seconds_of_fetch(root) / seconds_of_keras(root) for _ in range(arguments.rounds)]
    print(machine())
    print("\n| | ratio | rounds |\n|---|---|---|")
    print(
        f"| fetch of {arguments.images:,} pictures, to Keras reading them "
        f"| {spread(ratios)} | {len(ratios)} |"
    )


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=5)
    cli.run_parsed(main, parser)
