"""Check and split arrays of images and labels, and find duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits.base.errors import UserError, shortened
from digits.config.data import LARGEST, MOST_CLASSES, SMALLEST

Pixels = NDArray[np.uint8]
Labels = NDArray[np.uint8] | NDArray[np.uint16]
Rows = NDArray[np.intp]


def label_type(classes: int) -> Any:
    """Return the smallest dtype that has room for the numbers of the classes."""
    return np.uint8 if classes <= 256 else np.uint16


def as_pictures(images: Pixels) -> Pixels:
    """Return images, or one image, without the axis of the channels if there is one channel."""
    return images.squeeze(-1) if images.shape[-1] == 1 else images


def problem_of(images: NDArray[Any], labels: NDArray[Any], classes: int) -> str | None:
    """Return why these cannot be images and labels of this many classes, or None."""
    if not 2 <= classes <= MOST_CLASSES:
        return f"{classes:,} classes; there can be 2 to {MOST_CLASSES:,}"
    if images.dtype != np.uint8 or labels.dtype != label_type(classes):
        wanted = f"uint8 and {label_type(classes).__name__}"
        return f"images and labels are {images.dtype} and {labels.dtype}, not {wanted}"
    if images.ndim != 4 or labels.ndim != 1 or images.shape[3] not in (1, 3):
        return f"images have shape {images.shape}, not (n, height, width, 1 or 3)"
    height, width = images.shape[1:3]
    if not all(SMALLEST <= side <= LARGEST for side in (height, width)):
        allowed = f"from {SMALLEST} x {SMALLEST} to {LARGEST} x {LARGEST}"
        return f"images of {height} x {width} pixels; set size to a value {allowed}"
    if len(images) != len(labels):
        return f"{len(labels):,} labels for {len(images):,} images"
    if len(labels) and labels.max() >= classes:
        return f"a label {labels.max()}, not 0 to {classes - 1}"
    return None


def split_rows(labels: Labels, share: float, seed: int, key: str) -> tuple[Rows, Rows]:
    """Return the rows that are kept, and those of a `share` of each class, drawn at random, in their order.

    Raises UserError, which names the `key` of the share, if it is too small or too large for the classes.
    """
    from sklearn.model_selection import train_test_split

    try:
        kept, drawn = train_test_split(
            np.arange(len(labels)), test_size=share, random_state=seed, stratify=labels
        )
    except ValueError as error:
        raise UserError(f"{key}: {share} of {len(labels):,} images: {error}") from None
    return np.sort(kept), np.sort(drawn)


def refuse_small_classes(labels: Labels, names: Sequence[str], fewest: int, images: str = "images") -> None:
    """Raise UserError if a class has fewer than `fewest` of these `images`."""
    counts = np.bincount(labels.astype(np.intp), minlength=len(names))
    if few := [name for label, name in enumerate(names) if counts[label] < fewest]:
        raise UserError(
            f"data: {fewest} {images} of each class are needed; there are fewer of {shortened(few)}"
        )


def duplicates(images: Pixels, others: Pixels) -> dict[int, int]:
    """Return the rows of `others` that are also in `images`, each with a row there."""
    known = {hashlib.md5(image).digest(): row for row, image in enumerate(images)}
    digests = (hashlib.md5(image).digest() for image in others)
    return {row: known[digest] for row, digest in enumerate(digests) if digest in known}
