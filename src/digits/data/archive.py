"""Keep the prepared splits in NumPy archives, with what they were made from."""

from __future__ import annotations

import contextlib
import dataclasses
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from digits.base import files
from digits.base.errors import UserError, message_of
from digits.config.data import DataConfig
from digits.data import sources
from digits.data.arrays import problem_of
from digits.data.splits import Split, Splits

MADE_FROM = "settings.json"
NAMES = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Description:
    """Digests, classes and shape of prepared data, which are read without the images. See `Splits`."""

    digest: str
    digests: Mapping[str, str]  # of each split
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    leaked: int


def save(splits: Splits, config: DataConfig, folder: Path) -> None:
    """Write each split as a NumPy archive, with the settings and digests beside them."""
    for name, split in splits.items():
        np.savez(files.with_parents(folder / f"{name}.npz"), images=split.images, labels=split.labels)
    digests = {name: split.digest for name, split in splits.items()}
    description = Description(splits.digest, digests, splits.classes, splits.shape, splits.leaked)
    files.write_json(folder / MADE_FROM, _settings(config) | dataclasses.asdict(description))


def check(config: DataConfig, folder: Path) -> Description:
    """Return what is known of the data set that `save` wrote to `folder`.

    Raises UserError if there is none, or it was prepared with other settings than those of `config`.
    """
    with _damage_reported(folder / MADE_FROM, config):
        found = files.read_json(folder / MADE_FROM)
        height, width, channels = map(int, found["shape"])
        description = Description(
            str(found["digest"]),
            {name: str(found["digests"][name]) for name in NAMES},
            tuple(map(str, found["classes"])),
            (height, width, channels),
            int(found["leaked"]),
        )
    sources.refuse_other(_settings(config), found, folder, config)
    return description


def load(config: DataConfig, folder: Path, *names: str) -> Splits:
    """Return the splits with these names that `save` wrote to `folder`.

    Raises UserError if they are missing, changed, or were prepared with other settings than those of
    `config`.
    """
    known = check(config, folder)
    splits = {}
    for name in names:
        file = folder / f"{name}.npz"
        with _damage_reported(file, config):
            splits[name] = _read(file, known)
        if splits[name].digest != known.digests[name]:
            raise UserError(f"{file}: has changed since it was prepared; {sources.to_prepare(config)}")
    return Splits(splits, known.digest, known.classes, known.leaked)


def _read(file: Path, known: Description) -> Split:
    """Return the split in an archive. It takes no more memory than the file is long. Raises ValueError and
    much else if it is damaged."""
    with files.open_regular(file) as stream:
        with zipfile.ZipFile(stream) as members:
            if any(member.compress_type != zipfile.ZIP_STORED for member in members.infolist()):
                raise ValueError("is compressed")
        with np.load(stream) as archive:
            images, labels = archive["images"], archive["labels"]
    if problem := problem_of(images, labels, len(known.classes)):
        raise ValueError(problem)
    if images.shape[1:] != known.shape:
        raise ValueError(f"images have shape {images.shape[1:]}, not {known.shape}")
    return Split(images, labels)


@contextlib.contextmanager
def _damage_reported(file: Path, config: DataConfig) -> Iterator[None]:
    """Raise UserError if the file that the block reads is missing or damaged."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist; {sources.to_prepare(config)}") from None
    except UserError:
        raise
    except Exception as error:  # zip archives and NumPy's format have many ways to be wrong
        raise UserError(f"{file}: is damaged ({message_of(error)}); {sources.to_prepare(config)}") from None


def _settings(config: DataConfig) -> dict[str, Any]:
    """Return everything that the splits depend on."""
    split = {"split_seed": config.split_seed, "validation": config.validation}
    return {**sources.settings(config.data), **split}
