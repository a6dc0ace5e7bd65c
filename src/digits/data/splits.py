"""Prepare the training, validation and test images as arrays, and keep with them what they were made from."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits.base import files
from digits.base.errors import UserError
from digits.config.data import DataConfig
from digits.data import idx, sources

MADE_FROM = "settings.json"


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
    _refuse_other(sources.settings(config.data), sources.read_source(raw), raw, config)
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
    if images.shape[1:] != (28, 28) or len(images) == 0:
        raise UserError(f"{folder / names[0]}: has shape {images.shape}, not (n, 28, 28); {idx.FETCH_AGAIN}")
    if len(images) != len(labels):
        raise UserError(
            f"{folder / names[1]}: has {len(labels):,} labels for {len(images):,} images; {idx.FETCH_AGAIN}"
        )
    if labels.max() > 9:
        raise UserError(f"{folder / names[1]}: has a label {labels.max()}, not 0 to 9; {idx.FETCH_AGAIN}")
    return Split(images[..., np.newaxis], labels)


def save(splits: Splits, config: DataConfig, folder: Path) -> None:
    """Write each split as a NumPy archive, with the settings and digests beside them."""
    for name, split in splits.items():
        np.savez(files.with_parents(folder / f"{name}.npz"), images=split.images, labels=split.labels)
    digests = {name: split.digest for name, split in splits.items()}
    files.write_json(folder / MADE_FROM, _settings(config) | {"digest": splits.digest, "digests": digests})


def check(config: DataConfig, folder: Path) -> str:
    """Return the digest of the data set that `save` wrote to `folder`.

    Raises UserError if there is none, or it was prepared with other settings than those of `config`.
    """
    return _read_digests(config, folder)[0]


def _read_digests(config: DataConfig, folder: Path) -> tuple[str, dict[str, str]]:
    """Return the digests of the data set and of each split."""
    with _damage_reported(folder / MADE_FROM, config):
        found = json.loads((folder / MADE_FROM).read_text(encoding="utf-8"))
        digest, digests = str(found["digest"]), dict(found["digests"])
    _refuse_other(_settings(config), found, folder, config)
    return digest, digests


def load(config: DataConfig, folder: Path, *names: str) -> Splits:
    """Return the splits with these names that `save` wrote to `folder`.

    Raises UserError if they are missing, changed, or were prepared with other settings than those of
    `config`.
    """
    digest, digests = _read_digests(config, folder)
    splits = {}
    for name in names:
        file = folder / f"{name}.npz"
        with _damage_reported(file, config):
            with np.load(file) as archive:
                splits[name] = Split(archive["images"], archive["labels"])
            if splits[name].digest != digests[name]:
                raise UserError(f"{file}: has changed since it was prepared; {_command(config)}")
    return Splits(splits, digest)


@contextlib.contextmanager
def _damage_reported(file: Path, config: DataConfig) -> Iterator[None]:
    """Raise UserError if the file that the block reads is missing or damaged."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist; {_command(config)}") from None
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file}: is damaged ({error}); {_command(config)}") from None


def _settings(config: DataConfig) -> dict[str, Any]:
    """Return everything that the splits depend on."""
    split = {"split_seed": config.split_seed, "validation": config.validation}
    return {**sources.settings(config.data), **split}


def _refuse_other(
    wanted: Mapping[str, Any], found: Mapping[str, Any], folder: Path, config: DataConfig
) -> None:
    """Raise UserError if `found`, the settings that `folder` was made with, are other than `wanted`."""
    different = [key for key in wanted if key != "data" and wanted[key] != found.get(key)]
    if not different:  # a preset by another name can be the same data
        return
    key = "data" if different[0].startswith("data.") and wanted["data"] != found.get("data") else different[0]
    raise UserError(
        f"{key}: asked for {wanted[key]}, but {folder} was made with {found.get(key)}; {_command(config)}"
    )


def _command(config: DataConfig) -> str:
    """Return what prepares the data in place, and leaves params.yaml as it is."""
    data = {
        key: value for key, value in sources.settings(config.data).items() if isinstance(value, int | str)
    }
    fetch = " ".join(f"{key}={value}" for key, value in data.items() if key != "data.source")
    return (
        f"prepare the data: python src/fetch.py {fetch} out=. && python src/preprocess.py {fetch} "
        f"split_seed={config.split_seed} validation={config.validation} out=."
    )
