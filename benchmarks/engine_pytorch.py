"""Train the compact network in PyTorch on random images, its tensors in channels_last, and print the
seconds of each epoch as JSON. engine.py starts it, in an environment with torch and numpy:

python benchmarks/engine_pytorch.py '{"filters": [16, 48, 96], "first_layer": "learnt", "dropout": 0.3,
    "images": 20000, "epochs": 4, "batch_size": 100, "learning_rate": 0.2, "momentum": 0.9, "threads": 2}'
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found]
from torch import nn


def build(filters: list[int], first_layer: str, dropout: float) -> Any:
    """Return the network that digits.models.networks.compact builds."""
    layers: list[Any] = []
    channels, side = 1, 28
    for depth, width in enumerate(filters, start=1):
        kernel = 5 if depth == 1 else 3
        convolution = nn.Conv2d(channels, width, kernel, bias=False)
        channels, side = width, side - kernel + 1
        layers.append(convolution)
        if depth < len(filters):
            layers.append(nn.MaxPool2d(2))
            side //= 2
        fixed = depth == 1 and first_layer == "cosines"
        convolution.weight.requires_grad = not fixed
        layers += [nn.BatchNorm2d(width, momentum=0.1, eps=1e-3, affine=not fixed), nn.ReLU()]
    layers += [nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels * side * side, 10)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def train(model: Any, settings: dict[str, Any]) -> Iterator[float]:
    """Yield the seconds of each epoch."""
    random = np.random.default_rng(0)
    n = settings["images"]
    images = torch.from_numpy(random.integers(0, 256, (n, 28, 28, 1), dtype=np.uint8))
    images = images.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(random.integers(0, 10, n))
    rate, momentum = settings["learning_rate"], settings["momentum"]
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum, nesterov=True)
    loss = nn.CrossEntropyLoss()
    for _ in range(settings["epochs"]):
        start = time.perf_counter()
        for rows in torch.randperm(n).split(settings["batch_size"]):
            optimizer.zero_grad()
            loss(model(images[rows].float() / 255), labels[rows]).backward()
            optimizer.step()
        yield time.perf_counter() - start


def main(settings: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(0)
    network = build(settings["filters"], settings["first_layer"], settings["dropout"])
    print(json.dumps(list(train(network, settings))))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
