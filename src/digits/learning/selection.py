"""Select and shuffle the images of an epoch: all of them, or those that the network still gets wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits.recipe import All, Hardest

Order = tuple[NDArray[np.int64], NDArray[np.float32]]


def epoch_size(selection: All | Hardest, epoch: int, n: int, batch_size: int) -> int:
    """Return how many of `n` images epoch `epoch`, counted from 1, is trained on: a multiple of `batch_size`.

    What is left of the images has its turn in a later epoch, in another order.
    """
    batches = n // batch_size
    if isinstance(selection, Hardest) and epoch > selection.after:
        batches = min(batches, max(1, round(selection.share * n / batch_size)))
    return batches * batch_size


def select_images(
    selection: All | Hardest, epoch: int, losses: Any, batch_size: int, random: np.random.Generator
) -> Order:
    """Return the rows of the images of an epoch, in the order of training, and the number of images that each
    of them stands for in averages, both (size,).

    `losses`, (n,) float32, has the loss of each image when it was last trained on.
    """
    losses = np.asarray(losses)
    size = epoch_size(selection, epoch, len(losses), batch_size)
    if isinstance(selection, Hardest) and epoch > selection.after:
        return hardest_images(losses, size, selection.random, random)
    return random.permutation(len(losses))[:size], np.ones(size, np.float32)


def hardest_images(
    losses: NDArray[np.float32], size: int, random_share: float, random: np.random.Generator
) -> Order:
    """Pick `size` images: those with the highest loss (Jiang et al., 2019), except for the share
    `random_share`, which is a random sample of the rest and stands for all of the rest in averages."""
    drawn = round(random_share * size)
    ranked = np.argsort(-losses, kind="stable")
    hard, rest = ranked[: size - drawn], ranked[size - drawn :]
    rows = np.concatenate([hard, random.choice(rest, drawn, replace=False)])
    weights = np.ones(size, np.float32)
    weights[size - drawn :] = len(rest) / max(1, drawn)
    shuffled = random.permutation(size)
    return rows[shuffled], weights[shuffled]
