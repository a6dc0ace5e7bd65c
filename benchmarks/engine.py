"""The default network's training in TensorFlow and in PyTorch, in turn: python benchmarks/engine.py PYTHON

Each round trains both for epochs of random images on as many threads: Keras as digits.training calls it,
and the same network, batch, loss and optimizer as a plain PyTorch loop, its tensors in channels_last.
PYTHON is that of an environment with torch, numpy and pyyaml, apart from the project's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from measuring import ROOT, machine, spread

ROUNDS = 5
EPOCHS = 4  # the first, which traces and warms up, does not count
IMAGES, BATCH, RATE, MOMENTUM = 20_000, 100, 0.2, 0.9


def random_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, 28, 28, 1), dtype=np.uint8)
    return images, random.integers(0, 10, IMAGES, dtype=np.uint8)


def tensorflow_epochs(settings: dict[str, Any], threads: int) -> Iterator[float]:
    sys.path.insert(0, str(ROOT / "src"))
    import entry_point

    entry_point.quiet()
    from digits import config, data, runtime, training

    runtime.start(threads)
    compact = next(schema for schema in config.NETWORKS if schema.__name__ == "compact")
    recipe = config.Recipe(
        name="engine",
        optimizer=config.SGD(name="sgd", momentum=MOMENTUM),
        schedule=config.Constant(name="constant"),
        selection=config.All(name="all"),
        weight_decay=0,
        label_smoothing=0,
        shift=0,
        rotation=0,
        scaling=0,
        epochs=EPOCHS,
        batch_size=BATCH,
        learning_rate=RATE,
    )
    images, labels = random_digits()
    _, history = training.train(
        compact(name="default", **settings),
        recipe,
        data.Split(images, labels),
        data.Split(images[:0], labels[:0]),
        seed=0,
        epochs=EPOCHS,
        batch_size=BATCH,
        learning_rate=RATE,
        on_epoch=lambda _: None,
    )
    yield from (epoch.seconds for epoch in history)


def pytorch_epochs(settings: dict[str, Any], threads: int) -> Iterator[float]:
    import torch  # type: ignore[import-not-found]
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    channels, side = 1, 28
    for depth, width in enumerate(settings["filters"], start=1):
        kernel = 5 if depth == 1 else 3
        convolution = nn.Conv2d(channels, width, kernel, bias=False)
        channels, side = width, side - kernel + 1
        layers.append(convolution)
        if depth < len(settings["filters"]):
            layers.append(nn.MaxPool2d(2))
            side //= 2
        fixed = depth == 1 and settings["first_layer"] == "cosines"
        convolution.weight.requires_grad = not fixed
        layers += [nn.BatchNorm2d(width, momentum=0.1, eps=1e-3, affine=not fixed), nn.ReLU()]
    model = nn.Sequential(
        *layers, nn.Flatten(), nn.Dropout(settings["dropout"]), nn.Linear(channels * side * side, 10)
    )
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM, nesterov=True)
    images, labels = (torch.from_numpy(array) for array in random_digits())
    images = images.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    labels = labels.long()
    loss = nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        start = time.perf_counter()
        for rows in torch.randperm(IMAGES).split(BATCH):
            optimizer.zero_grad()
            loss(model(images[rows].float() / 255), labels[rows]).backward()
            optimizer.step()
        yield time.perf_counter() - start


def main() -> None:
    import yaml

    card = yaml.safe_load((ROOT / "params.yaml").read_text())
    settings = yaml.safe_load((ROOT / f"conf/model/{card['model']}.yaml").read_text())
    pythons = {"tensorflow": sys.executable, "pytorch": sys.argv[1]}
    ratios = []
    for _ in range(ROUNDS):
        fastest = {}
        for engine, python in pythons.items():
            command = [python, __file__, engine, json.dumps(settings)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            seconds = json.loads(done.stdout.rstrip().split("\n")[-1])
            fastest[engine] = min(seconds[1:])
        ratios.append(fastest["tensorflow"] / fastest["pytorch"])
    version = subprocess.run(
        [pythons["pytorch"], "-c", "import torch; print(torch.__version__)"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()
    print(
        f"\n{machine()}, torch {version}\n\nthe default network's epoch in TensorFlow, to PyTorch's: "
        f"{spread(ratios)}, {ROUNDS} rounds\n"
    )


if __name__ == "__main__":
    if sys.argv[1] in ("tensorflow", "pytorch"):
        epochs = tensorflow_epochs if sys.argv[1] == "tensorflow" else pytorch_epochs
        print(json.dumps(list(epochs(json.loads(sys.argv[2]), len(os.sched_getaffinity(0))))))
    else:
        main()
