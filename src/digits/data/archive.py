"""Keep the prepared splits in NumPy archives, with what they were made from."""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from digits.base import files
from digits.base.errors import UserError
from digits.config.data import DataConfig
from digits.data import sources
from digits.data.splits import Split, Splits

MADE_FROM = "settings.json"


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
    sources.refuse_other(_settings(config), found, folder, config)
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
                raise UserError(f"{file}: has changed since it was prepared; {sources.to_prepare(config)}")
    return Splits(splits, digest)


@contextlib.contextmanager
def _damage_reported(file: Path, config: DataConfig) -> Iterator[None]:
    """Raise UserError if the file that the block reads is missing or damaged."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist; {sources.to_prepare(config)}") from None
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file}: is damaged ({error}); {sources.to_prepare(config)}") from None


def _settings(config: DataConfig) -> dict[str, Any]:
    """Return everything that the splits depend on."""
    split = {"split_seed": config.split_seed, "validation": config.validation}
    return {**sources.settings(config.data), **split}
