"""Measure how well a model reads drawn digits, with and without the preparation of handwriting.py.

PYTHONPATH=src:examples python benchmarks/preparation.py                              seeds 100 to 119
PYTHONPATH=src:examples python benchmarks/preparation.py --seeds 2 --first 7 --model FILE

The pictures are those of examples/drawn_digits.py. Without preparation they are made grey, padded to a square
and scaled to 28 x 28 pixels. Also measured: 1,000 test images of MNIST, enlarged 8 times, dark on light, at a
random place of a larger picture.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from digits import cli
from digits.data.arrays import Pixels
from digits.data.handwriting import center_writing
from drawn_digits import CONDITIONS, pictures

SIDE = 400  # pixels, of the picture in which an enlarged image of MNIST is


def without_preparation(picture: Image.Image) -> Pixels:
    """Return the picture in grey, padded and scaled to (28, 28) uint8."""
    layer = picture.convert("RGBA")
    opaque = Image.alpha_composite(Image.new("RGBA", layer.size, "black"), layer)
    return np.asarray(ImageOps.pad(opaque.convert("L"), (28, 28), Image.Resampling.BICUBIC))


def pasted(image: Pixels, random: np.random.Generator) -> Image.Image:
    """Return an image of MNIST, (28, 28) uint8, enlarged 8 times and dark in a white picture."""
    large = ImageOps.invert(Image.fromarray(image).resize((224, 224), Image.Resampling.NEAREST))
    picture = Image.new("L", (SIDE, SIDE), "white")
    left, top = (int(place) for place in random.integers(0, SIDE - 224, 2, endpoint=True))
    picture.paste(large, (left, top))
    return picture


def hits(model: Any, images: Sequence[Pixels], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return which images the model reads correctly."""
    predicted = model.predict(np.stack(images)[..., None], batch_size=256, verbose=0).argmax(axis=1)
    return np.array([str(number) == label for number, label in zip(predicted, labels, strict=True)])


def main(arguments: argparse.Namespace) -> None:
    import keras

    model = keras.models.load_model(arguments.model, compile=False)
    conditions, labels, prepared, plain, seconds = [], [], [], [], []
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        for digit, condition, picture in pictures(seed):
            start = time.perf_counter()
            prepared.append(center_writing(picture))
            seconds.append(time.perf_counter() - start)
            plain.append(without_preparation(picture))
            labels.append(digit)
            conditions.append(condition)
    read = {"with": hits(model, prepared, labels), "without": hits(model, plain, labels)}
    print("| condition | accuracy with preparation, % | without, % | pictures |\n|---|---|---|---|")
    for name in [*CONDITIONS, "all"]:
        rows = np.array([name in (condition, "all") for condition in conditions])
        print(f"| {name} | {100 * read['with'][rows].mean():.1f} | {100 * read['without'][rows].mean():.1f} "
              f"| {rows.sum():,} |")  # fmt: skip
    print(f"\npreparation: {1000 * np.median(seconds):.1f} ms a picture (median)")

    with np.load(arguments.test) as test:
        images, numbers = test["images"][:1000, ..., 0], test["labels"][:1000].astype(str)
    random = np.random.default_rng(0)
    enlarged = [center_writing(pasted(image, random)) for image in images]
    scores = (100 * hits(model, found, numbers).mean() for found in (enlarged, images))
    print("MNIST enlarged and pasted: {:.1f} %; as it is: {:.1f} %".format(*scores))


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("--seeds", type=int, default=20, help="how many (default: %(default)s)")
    parser.add_argument("--first", type=int, default=100, help="the first seed (default: %(default)s)")
    parser.add_argument("--model", type=Path, default=Path("models/model.keras"), metavar="FILE")
    parser.add_argument("--test", type=Path, default=Path("data/prepared/test.npz"), metavar="FILE")
    cli.run_parsed(main, parser)
