"""Prepare the training, validation and test images as arrays."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from digits.base.errors import UserError
from digits.config.data import DataConfig
from digits.data import sources
from digits.data.arrays import (
    Labels,
    Pixels,
    as_pictures,
    duplicates,
    problem_of,
    refuse_small_classes,
    split_rows,
)


@dataclasses.dataclass(frozen=True)
class Split:
    """Images, (n, height, width, channels) uint8 from 0 to 255, and the numbers of their classes, (n,) uint8,
    or uint16 if there are more than 256 classes."""

    images: Pixels
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def digest(self) -> str:
        """The md5 of images and labels together."""
        digest = hashlib.md5(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()

    def class_counts(self, classes: int) -> list[int]:
        """Return how many images each class has."""
        return [int(n) for n in np.bincount(self.labels, minlength=classes)]


@dataclasses.dataclass(frozen=True)
class Splits(Mapping[str, Split]):
    """The splits by name: train, validation (empty if nothing is held out) and test, or some of them.

    `digest` identifies the data set: all images and labels, however they are split for validation. `classes`
    are the names of the labels, and `leaked` is how many test images are also images of the other splits.
    """

    by_name: Mapping[str, Split]
    digest: str
    classes: tuple[str, ...]
    leaked: int = 0

    def __getitem__(self, name: str) -> Split:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = next(iter(self.by_name.values())).images.shape[1:]
        return height, width, channels


def read(config: DataConfig, raw: Path) -> Splits:
    """Return the images in `raw` before any are held out: the splits train and test.

    Raises UserError if the images are not those of `config.data`, or damaged, or cannot be trained on.
    """
    found = sources.read(config, raw)
    for images, labels in (found.train, found.test):
        problem = problem_of(images, labels, len(found.classes)) if len(labels) else "no images"
        if problem:
            raise UserError(f"{raw}: {problem} ({config.data.file})")
    train, test = Split(*found.train), Split(*found.test)
    fewest = 1 if config.validation == 0 else 2
    refuse_small_classes(train.labels, found.classes, fewest, "training images")
    digest = hashlib.md5(f"{train.digest} {test.digest}".encode()).hexdigest()
    leaked = len(duplicates(train.images, test.images))
    return Splits({"train": train, "test": test}, digest, found.classes, leaked)


def hold_out(found: Splits, config: DataConfig) -> Splits:
    """Return the splits train, validation and test of what `read` returned: the share `config.validation` of
    the training images is held out.

    The share is the same in each class, and the images keep their order.

    Raises UserError if the share is too small for the classes.
    """
    whole = found["train"]
    kept, held_out = np.arange(len(whole)), np.arange(0)
    if config.validation:
        kept, held_out = split_rows(whole.labels, config.validation, config.split_seed, "validation")
    train, validation = (Split(whole.images[rows], whole.labels[rows]) for rows in (kept, held_out))
    by_name = {"train": train, "validation": validation, "test": found["test"]}
    return dataclasses.replace(found, by_name=by_name)


def prepare(config: DataConfig, raw: Path) -> Splits:
    """Read the images in `raw` and hold out some for validation. Raises UserError as `read` and `hold_out`
    do."""
    return hold_out(read(config, raw), config)


def describe_pictures(found: Splits) -> str:
    """Return the shapes of what `read` returned, a line for each split. Images of one channel have no axis
    for it here, as in the files of MNIST."""
    return "\n".join(
        f"{name} images {as_pictures(split.images).shape}, labels {split.labels.shape}"
        for name, split in zip(("training", "test"), found.values(), strict=True)
    )


def describe_splits(splits: Splits) -> str:
    """Return the shapes of the arrays, a line for each split."""
    return "\n".join(
        f"{name:<11}images {split.images.shape} {split.images.dtype}, labels {split.labels.shape}"
        for name, split in splits.items()
    )


def describe_classes(counts: Sequence[int]) -> str:
    """Return how many classes there are, and of which sizes."""
    sizes = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
    return f"{len(counts):,} classes with {sizes} training images each"
