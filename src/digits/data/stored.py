"""Images and labels that are stored as arrays: a NumPy archive of one's own, and the arrays in data/raw."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits.base import files
from digits.base.errors import UserError, message_of, shortened
from digits.config.data import GIVEN, Arrays
from digits.data.arrays import Rows, label_type, refuse_small_classes, split_rows

# in data/raw: images and labels of the training set, and of the test set
FILES = ("train-images.npy", "train-labels.npy", "test-images.npy", "test-labels.npy")


def fetch(data: Arrays, file: Path, target: Path) -> list[str]:
    """Write the images and labels in a NumPy archive to `target`, and return the names of the classes.

    Raises UserError if the file is missing or damaged, or has not what it should have.
    """
    wanted = ["images", "labels", *(["test_images", "test_labels"] if data.test == GIVEN else [])]
    found = _read(file, wanted)
    images, labels = found["images"], found["labels"]
    if data.test == GIVEN:
        if found["test_images"].shape[1:] != images.shape[1:]:
            raise UserError(f"{file}: images and test_images differ in size")
        rows = np.arange(len(images)), len(images) + np.arange(len(found["test_images"]))
        images = np.concatenate([images, found["test_images"]])
        labels = np.concatenate([labels, found["test_labels"]])
    if images.ndim not in (3, 4) or labels.shape != images.shape[:1]:
        raise UserError(f"{file}: images and labels have shapes {images.shape} and {labels.shape}")
    names = data.classes or found.get("classes")
    labels, names = _numbered(labels, names, file)
    if data.test != GIVEN:
        rows = split_off(labels, float(data.test), names)
    return save_arrays(_as_bytes(images, file), labels, rows, names, target)


def _read(file: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays in the archive with these names, and classes if it is there."""
    try:
        with np.load(file) as archive:
            if missing := set(wanted) - set(archive.files):
                raise UserError(f"{file}: has no array {', '.join(sorted(missing))}")
            return {name: archive[name] for name in (*wanted, "classes") if name in archive.files}
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist") from None
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"{file}: is not a NumPy archive (.npz) of arrays ({message_of(error)})") from None


def _numbered(labels: NDArray[Any], names: Any, file: Path) -> tuple[NDArray[Any], list[str]]:
    """Return labels from 0 on and the names of the classes. Labels may be names themselves."""
    if labels.dtype.kind in "US":
        labels = labels.astype(str)
        names = list(map(str, np.unique(labels) if names is None else names))
        if unknown := sorted(set(labels.tolist()) - set(names)):
            raise UserError(f"{file}: labels {shortened(unknown)} are not among the classes")
        number = {name: n for n, name in enumerate(names)}
        return np.array([number[label] for label in labels.tolist()], np.int64), names
    if labels.dtype.kind not in "iu" or (len(labels) and labels.min() < 0):
        raise UserError(f"{file}: labels must be names, or whole numbers from 0 on, not {labels.dtype}")
    return labels, list(map(str, range(int(labels.max(initial=0)) + 1) if names is None else names))


def _as_bytes(images: NDArray[Any], file: Path) -> NDArray[np.uint8]:
    """Return images with values from 0 to 255. Real numbers are from 0 to 1, or from 0 to 255."""
    low, high = (images.min(), images.max()) if images.size else (0, 0)
    if images.dtype.kind not in "fiub" or not 0 <= low <= high <= 255:
        raise UserError(f"{file}: images must have values from 0 to 255, or real numbers from 0 to 1")
    scaled = images * 255 if images.dtype.kind in "fb" and high <= 1 else images
    return (
        np.rint(scaled).astype(np.uint8) if images.dtype.kind == "f" else scaled.astype(np.uint8, copy=False)
    )


def split_off(labels: NDArray[Any], share: float, names: Sequence[str]) -> tuple[Rows, Rows]:
    """Return the rows of the training set and of the test set, which has this share of each class, drawn at
    random. The draw is the same whatever the seeds of an experiment are.

    Raises UserError if a class has too few images.
    """
    refuse_small_classes(labels, names, 2)
    return split_rows(labels, share, 0, "data.test")


def save_arrays(
    images: NDArray[Any],
    labels: NDArray[Any],
    rows: tuple[Rows, Rows],
    names: Sequence[str] | None,
    target: Path,
) -> list[str]:
    """Write these rows of images, with their channels, and labels as FILES to `target`. Return the names of
    the classes: numbers unless they are given."""
    names = list(map(str, range(int(labels.max()) + 1) if names is None else names))
    if images.ndim == 3:
        images = images[..., np.newaxis]
    arrays: list[NDArray[Any]] = []
    for part in rows:
        arrays += [images[part].astype(np.uint8, copy=False), labels[part].astype(label_type(len(names)))]
    write(dict(zip(FILES, arrays, strict=True)), target)
    return names


def write(arrays: Mapping[str, NDArray[Any]], target: Path) -> None:
    """Write each array to the file of this name in `target`."""
    for name, array in arrays.items():
        np.save(files.with_parents(target / name), array)
