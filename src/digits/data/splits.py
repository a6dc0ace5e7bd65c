"""The prepared data: training, validation and test images as arrays, with what they were made from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits import files, idx
from digits.errors import UserError


@dataclasses.dataclass(frozen=True)
class Split:
    """Images, (n, 28, 28, 1) uint8 from 0 to 255, and their labels, (n,) uint8 from 0 to 9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def digest(self) -> str:
        """The md5 of images and labels together."""
        return hashlib.md5(self.images.tobytes() + self.labels.tobytes()).hexdigest()

    def counts(self) -> list[int]:
        """How many images each class has."""
        return [int(n) for n in np.bincount(self.labels, minlength=10)]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the prepared data depend on, so that nobody trains on others than they asked for."""

    data: str
    validation: float
    split_seed: int


@dataclasses.dataclass(frozen=True)
class Prepared:
    """The three splits. `validation` is empty where none was asked for."""

    settings: Settings
    train: Split
    validation: Split
    test: Split

    @property
    def splits(self) -> dict[str, Split]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


def read_split(folder: Path, names: tuple[str, str]) -> Split:
    """The split in the IDX files of images and labels so named. UserError where they do not fit."""
    images, labels = idx.read(folder / names[0], 3), idx.read(folder / names[1], 1)
    if images.shape[1:] != (28, 28) or len(images) == 0:
        raise UserError(f"{folder / names[0]}: has shape {images.shape}, not (n, 28, 28); {idx.AGAIN}")
    if len(images) != len(labels):
        raise UserError(
            f"{folder / names[1]}: has {len(labels):,} labels for {len(images):,} images; {idx.AGAIN}"
        )
    if labels.max() > 9:
        raise UserError(f"{folder / names[1]}: has a label {labels.max()}, not 0 to 9; {idx.AGAIN}")
    return Split(images[..., np.newaxis], labels)


def prepare(raw: Path, validation: float, split_seed: int) -> Prepared:
    """Read the four files in `raw` and hold out the share `validation` of the training images.

    The share is the same in each class, and the images keep their order. UserError where a file is
    unsound, or the share too small to have all classes in it.
    """
    everything, test = read_split(raw, idx.TRAIN), read_split(raw, idx.TEST)
    settings = Settings(json.loads((raw / "source.json").read_text())["data"], validation, split_seed)
    kept = held_out = np.arange(len(everything))
    if validation == 0:
        held_out = held_out[:0]
    else:
        from sklearn.model_selection import train_test_split

        try:
            kept, held_out = train_test_split(
                kept, test_size=validation, random_state=split_seed, stratify=everything.labels
            )
        except ValueError as error:
            raise UserError(f"validation: {validation} of {len(kept):,} images: {error}") from None
    train, held = (
        Split(everything.images[rows], everything.labels[rows]) for rows in (np.sort(kept), np.sort(held_out))
    )
    return Prepared(settings, train, held, test)


def save(prepared: Prepared, folder: Path) -> None:
    """Write the splits as NumPy archives, and the settings beside them."""
    for name, split in prepared.splits.items():
        np.savez(files.create(folder / f"{name}.npz"), images=split.images, labels=split.labels)
    files.write_json(folder / "settings.json", dataclasses.asdict(prepared.settings))


def load(folder: Path, settings: Settings) -> Prepared:
    """What `save` wrote. UserError where it is missing, or was prepared with other settings."""
    check(folder, settings)
    splits = {}
    for name in ("train", "validation", "test"):
        with np.load(folder / f"{name}.npz") as archive:
            splits[name] = Split(archive["images"], archive["labels"])
    return Prepared(settings, **splits)


def check(folder: Path, settings: Settings) -> None:
    """UserError where what `save` wrote to `folder` is missing, or was prepared with other settings."""
    asked = dataclasses.asdict(settings)
    command = " ".join(["dvc exp run", *(f"-S {key}={asked[key]}" for key in asked), "preprocess"])
    try:
        found = json.loads((folder / "settings.json").read_text())
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: is not there; prepare the data: {command}") from None
    for key, value in asked.items():
        if found[key] != value:
            raise UserError(
                f"{key}: asked for {value}, but {folder} was prepared with {found[key]}; "
                f"prepare the data: {command}"
            )


def in_words(prepared: Prepared) -> str:
    """The shape and type of every array, a line each."""
    return "".join(
        f"{name:<11}images {split.images.shape} {split.images.dtype}, "
        f"labels {split.labels.shape} {split.labels.dtype}\n"
        for name, split in prepared.splits.items()
    )
