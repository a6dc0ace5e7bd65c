"""Train an experiment on random images, and print the seconds of each epoch as JSON in the last line.

PYTHONPATH=src python benchmarks/epoch_seconds.py 20000
PYTHONPATH=src python benchmarks/epoch_seconds.py 1000 model=small recipe=sprint epochs=3

epochs.py and engine.py start it. Nothing is read or recorded, except params.yaml and conf/. The time
depends on the library in PYTHONPATH; that of images does not depend on what they show.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from digits import cli
from digits.config.request import compose_request
from digits.config.schema import Config
from digits.data.splits import Split, Splits


def main(arguments: argparse.Namespace) -> None:
    request = compose_request(arguments.overrides, Config, Path())
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (arguments.images, 28, 28, 1), dtype=np.uint8)
    labels = random.integers(0, 10, arguments.images, dtype=np.uint8)
    held_out = round(request.config.validation * arguments.images)

    from digits.learning import runtime

    runtime.start(request.resources.threads)

    from digits.learning import training

    by_name = {
        "train": Split(images, labels),
        "validation": Split(images[:held_out], labels[:held_out]),
    }
    _, history = training.train(request.config, Splits(by_name, "", tuple("0123456789")))
    print(json.dumps([epoch.seconds for epoch in history]))


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("images", type=int, help="to train on")
    parser.add_argument("overrides", nargs="*", help="Hydra overrides")
    cli.run_parsed(main, parser)
