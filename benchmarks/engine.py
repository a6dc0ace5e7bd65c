"""Compare the default network's training in TensorFlow with that in PyTorch, in turn.

PYTHONPATH=src python benchmarks/engine.py /path/to/python
PYTHONPATH=src python benchmarks/engine.py /path/to/python --rounds 1 --images 1000 --epochs 2

Each round trains both for epochs of random images on as many threads: TensorFlow as digits.learning calls
it, and the same network, batch, loss and optimizer in a plain PyTorch loop (engine_pytorch.py). The Python
is that of an environment with torch and numpy, apart from the project's own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from digits import cli
from digits.config.request import compose_request
from digits.config.schema import Config
from measuring import ROOT, epoch_seconds, machine, spread

SAME_AS_PYTORCH = (
    "recipe=sprint",
    "recipe.selection.name=all",
    "recipe.weight_decay=0",
    "recipe.label_smoothing=0",
    "recipe.shift=0",
    "recipe.rotation=0",
    "recipe.scaling=0",
    "optimizer=sgd",
    "recipe.optimizer.momentum=0.9",
    "recipe.optimizer.nesterov=true",
    "schedule=constant",
    "learning_rate=0.2",
    "batch_size=100",
    "validation=0",
)


def tensorflow_seconds(images: int, epochs: int) -> list[float]:
    """Return the seconds of each epoch but the first."""
    return epoch_seconds(ROOT, images, *SAME_AS_PYTORCH, f"epochs={epochs}")


def pytorch_seconds(python: str, images: int, epochs: int) -> list[float]:
    """Return the seconds of each epoch but the first. Exits if that fails."""
    request = compose_request(SAME_AS_PYTORCH, Config, Path())
    config = request.config
    settings: dict[str, Any] = config.model.arguments | {
        "images": images,
        "epochs": epochs,
        "batch_size": config.batch_size,
        "learning_rate": config.learning_rate,
        "momentum": 0.9,
        "threads": request.resources.threads,
    }
    command = [python, str(ROOT / "benchmarks/engine_pytorch.py"), json.dumps(settings)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)} failed")
    seconds: list[float] = json.loads(done.stdout)
    return seconds[1:]


def torch_version(python: str) -> str:
    """Return the version of PyTorch that `python` has. Exits if it has none."""
    command = [python, "-c", "import torch; print(torch.__version__)"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {python} has no torch")
    return done.stdout.strip()


def main(arguments: argparse.Namespace) -> None:
    size = (arguments.images, arguments.epochs)
    version = torch_version(arguments.python)
    ratios = []
    for _ in range(arguments.rounds):
        tensorflow, pytorch = tensorflow_seconds(*size), pytorch_seconds(arguments.python, *size)
        ratios.append(min(tensorflow) / min(pytorch))
    print(
        f"\n{machine()}, torch {version}\n\nthe default network's epoch in TensorFlow, to PyTorch's: "
        f"{spread(ratios)}, {arguments.rounds} rounds"
    )


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("python", help="the Python of an environment with torch and numpy")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4, help="2 or more, since the first does not count")
    parser.add_argument("--images", type=int, default=20_000, help="to train on (default: %(default)s)")
    cli.run_parsed(main, parser)
