"""Get the images of a preset: from mirrors, a folder of pictures, an archive of arrays, or a package.

`fetch` writes the four files of MNIST, in IDX, or the same as .npy arrays, and source.json, which says what
they are. `read` returns the images in one shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits.base import files
from digits.base.errors import UserError, message_of
from digits.base.paths import ROOT
from digits.config.data import Data, DataConfig, Folder, Idx, Package, content
from digits.config.params import load_yaml
from digits.data import folder, idx, mirrors, packages, stored
from digits.data.arrays import Labels, Pixels
from digits.data.fingerprint import fingerprint, own_path
from digits.data.pictures import fit_all

SOURCE = "source.json"


class Found(NamedTuple):
    """The images and labels of the training set and of the test set, and the names of the classes."""

    train: tuple[Pixels, Labels]
    test: tuple[Pixels, Labels]
    classes: tuple[str, ...]


def fetch(data: Data, target: Path) -> None:
    """Write the images and source.json to the folder `target`.

    Raises UserError if no mirror has a file, or with everything that is wrong with images of one's own.
    """
    target.mkdir(parents=True, exist_ok=True)
    known = settings(data) | {"fingerprint": fingerprint(data)}
    if isinstance(data, Idx):
        if data.path:
            idx.copy(own_path(data.path), target)
        else:
            mirrors.download(data.mirrors or [], data.sha256 or {}, target)
        if data.members_of_zip:
            idx.unpack(target / next(iter(data.sha256 or ())), data.members_of_zip, target)
    elif isinstance(data, Folder):
        known["classes"] = folder.fetch(data, own_path(data.path), target)
    elif isinstance(data, Package):
        known["classes"] = packages.fetch(data, target)
    else:
        known["classes"] = stored.fetch(data, own_path(data.path), target)
    files.write_json(target / SOURCE, known)


def read(config: DataConfig, raw: Path) -> Found:
    """Return the images that `fetch` wrote to `raw`, with the size and colours that the preset asks for.

    Raises UserError if they are missing or damaged, or were fetched for another preset.
    """
    data, source = config.data, _read_source(raw, config)
    refuse_other(settings(data), source, raw, config)
    try:
        return _read(data, source, raw)
    except UserError as error:
        raise UserError(f"{error}; {_to_fetch(config)}") from None


def _read(data: Data, source: Mapping[str, Any], raw: Path) -> Found:
    if isinstance(data, Idx):
        (train, labels), (test, test_labels) = (idx.read_split(raw, names) for names in (idx.TRAIN, idx.TEST))
        if data.transposed:
            train, test = (np.ascontiguousarray(images.swapaxes(1, 2)) for images in (train, test))
        labels, test_labels = (each - np.uint8(data.first_label) for each in (labels, test_labels))
        classes = data.classes or range(1 + max(labels.max(initial=0), test_labels.max(initial=0)))
    else:
        train, labels, test, test_labels = (_read_array(raw / name) for name in stored.FILES)
        classes = source["classes"]
    images = (fit_all(each, data) for each in (train, test))
    return Found((next(images), labels), (next(images), test_labels), tuple(map(str, classes)))


def settings(data: Data) -> dict[str, Any]:
    """Return the name of the preset, and under dotted keys what decides which images there are."""
    return {"data": data.name} | {f"data.{key}": value for key, value in content(data).items()}


def _read_source(raw: Path, config: DataConfig) -> dict[str, Any]:
    """Return the preset and the settings that the files in `raw` were fetched with."""
    file = raw / SOURCE
    try:
        return files.read_json(file)
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist; {_to_fetch(config)}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: is damaged ({error}); {_to_fetch(config)}") from None


def refuse_other(wanted: Mapping[str, Any], found: Mapping[str, Any], made: Path, config: DataConfig) -> None:
    """Raise UserError if `found`, the settings that the folder `made` was made with, are others than
    `wanted`."""
    different = [key for key in wanted if key != "data" and wanted[key] != found.get(key)]
    if not different:  # a preset by another name can be the same data
        return
    key = "data" if different[0].startswith("data.") and wanted["data"] != found.get("data") else different[0]
    raise UserError(
        f"{key}: asked for {wanted[key]}, but {made} was made with {found.get(key)}; {to_prepare(config)}"
    )


def to_prepare(config: DataConfig) -> str:
    """Return the words for the commands that prepare the data in place, and leave params.yaml as it is."""
    words = _words(config.data)
    return (
        f"prepare the data: python src/fetch.py {words} out=. && python src/preprocess.py {words} "
        f"split_seed={config.split_seed} validation={config.validation} out=."
    )


def _to_fetch(config: DataConfig) -> str:
    return f"fetch the images: python src/fetch.py {_words(config.data)} out=."


def _words(data: Data) -> str:
    return " ".join([f"data={data.name}", *_changes_to_preset(data)])


def _changes_to_preset(data: Data) -> list[str]:
    """Return the overrides that make these data of their preset, except those that a shell would not take as
    they are."""
    file = ROOT / data.file
    preset = load_yaml(file) if file.exists() else {}
    given = {key: getattr(data, key) for key in sorted(data.model_fields_set & set(preset))}
    return [
        f"data.{key}={value}"
        for key, value in given.items()
        if value != preset[key] and re.fullmatch(r"[\w./]+", str(value))
    ]


def _read_array(file: Path) -> Any:
    """Return an array whose content is read from the file when it is needed."""
    try:
        return np.load(file, mmap_mode="r")
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: is damaged ({message_of(error)})") from None
