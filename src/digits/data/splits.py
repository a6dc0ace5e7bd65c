"""Prepare the training, validation and test images as arrays, and keep with them what they were made from."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits.base.errors import UserError
from digits.config.data import DataConfig
from digits.data import idx, sources


@dataclasses.dataclass(frozen=True)
class Split:
    """Images, (n, 28, 28, 1) uint8 from 0 to 255, and their labels, (n,) uint8 from 0 to 9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def digest(self) -> str:
        """The md5 of images and labels together."""
        digest = hashlib.md5(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()

    def problem(self) -> str | None:
        """Return what is wrong with the arrays, or None."""
        if self.images.dtype != np.uint8 or self.labels.dtype != np.uint8:
            return f"images and labels are {self.images.dtype} and {self.labels.dtype}, not uint8"
        if self.images.shape[1:] != (28, 28, 1) or self.labels.ndim != 1:
            return f"images have shape {self.images.shape}, not (n, 28, 28, 1)"
        if len(self.images) != len(self.labels):
            return f"{len(self.labels):,} labels for {len(self.images):,} images"
        if len(self) and self.labels.max() > 9:
            return f"a label {self.labels.max()}, not 0 to 9"
        return None

    def class_counts(self) -> list[int]:
        """Return how many images each class has."""
        return [int(n) for n in np.bincount(self.labels, minlength=10)]


@dataclasses.dataclass(frozen=True)
class Splits(Mapping[str, Split]):
    """The splits by name: train, validation (empty if nothing is held out) and test, or some of them.

    `digest` identifies the data set: all images and labels, however they are split for validation.
    """

    by_name: Mapping[str, Split]
    digest: str

    def __getitem__(self, name: str) -> Split:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)


def prepare(config: DataConfig, raw: Path) -> Splits:
    """Read the four files in `raw` and hold out the share `config.validation` of the training images.

    The share is the same in each class, and the images keep their order.

    Raises UserError if the files are not those of `config.data`, one of them is damaged, or the share is too
    small to contain every class.
    """
    sources.refuse_other(sources.settings(config.data), sources.read_source(raw), raw, config)
    all_images, test = _read_split(raw, idx.TRAIN), _read_split(raw, idx.TEST)
    kept = held_out = np.arange(len(all_images))
    if config.validation == 0:
        held_out = held_out[:0]
    else:
        from sklearn.model_selection import train_test_split

        try:
            kept, held_out = train_test_split(
                kept, test_size=config.validation, random_state=config.split_seed, stratify=all_images.labels
            )
        except ValueError as error:
            raise UserError(f"validation: {config.validation} of {len(kept):,} images: {error}") from None
    train, validation = (
        Split(all_images.images[rows], all_images.labels[rows]) for rows in (np.sort(kept), np.sort(held_out))
    )
    digest = hashlib.md5(f"{all_images.digest} {test.digest}".encode()).hexdigest()
    return Splits({"train": train, "validation": validation, "test": test}, digest)


def _read_split(folder: Path, names: tuple[str, str]) -> Split:
    """Return the split in the IDX files of images and labels. Raises UserError if they do not fit."""
    images, labels = idx.read(folder / names[0], 3), idx.read(folder / names[1], 1)
    split = Split(images[..., np.newaxis], labels)
    problem = "no images" if len(images) == 0 else split.problem()
    if problem:
        raise UserError(f"{folder / names[0]}: {problem}; {idx.FETCH_AGAIN}")
    return split
