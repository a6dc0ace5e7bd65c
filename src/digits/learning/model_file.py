"""Save and load trained models."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from digits.base import files
from digits.base.errors import UserError, message_of, shortened

LARGEST = 2**30  # bytes
LONGEST_REASON = 300  # letters
CLASSES = "classes"  # a key that Keras ignores in the metadata
TRAIN = "`dvc repro train` trains one"


def save(model: keras.Model, classes: Sequence[str], file: Path) -> None:
    """Write `model` for `keras.models.load_model`, with the names of its classes. Equal weights make equal
    files, unlike with `model.save`, which also writes the date and the numbers of objects in memory."""
    model.save(files.with_parents(file))
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(content["metadata.json"])
    kept = {"keras_version": metadata["keras_version"], CLASSES: list(classes)}
    content["metadata.json"] = json.dumps(kept).encode()
    content["config.json"] = re.sub(rb', "shared_object_id": \d+', b"", content["config.json"])
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in content.items():
            archive.writestr(zipfile.ZipInfo(name), value)  # ZipInfo's date is 1980


def load(file: Path, shape: tuple[int, ...], classes: Sequence[str]) -> keras.Model:
    """Return the model in `file`, which must take images of this shape as bytes, and return probabilities of
    these `classes`. A file that Keras wrote has no names of classes; then their number must be right.

    Raises UserError if it does not exist, or is not such a model.
    """
    try:
        if problem := _check_archive(file, classes):
            raise ValueError(problem)
        model = keras.models.load_model(file, compile=False)
        if problem := _problem(model, (None, *shape), (None, len(classes))):
            raise ValueError(problem)
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist; {TRAIN}") from None
    except UserError:
        raise
    except Exception as error:  # Keras raises whatever it stumbles over
        reason = message_of(error)[:LONGEST_REASON]
        raise UserError(f"{file}: is not a model that can be used ({reason}); {TRAIN}") from None
    return model


def _check_archive(file: Path, classes: Sequence[str]) -> str | None:
    """Return why the model in `file` cannot be used for these classes, or None.

    Raises ValueError or BadZipFile if `file` is damaged, which makes HDF5 end the process, or unpacks to more
    than LARGEST bytes.
    """
    with files.open_regular(file) as stream, zipfile.ZipFile(stream) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST:
            raise ValueError(f"unpacks to {size:,} bytes; at most {LARGEST:,} are allowed")
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} is damaged")
        named = json.loads(archive.read("metadata.json")).get(CLASSES, list(classes))
    if named != list(classes):
        return f"names the classes {shortened(named)}, not {shortened(classes)}"
    return None


def _problem(
    model: keras.Model, takes: tuple[int | None, ...], returns: tuple[int | None, ...]
) -> str | None:
    """Return why the model cannot be used for such images and classes, or None."""
    if model.input_shape != takes:
        return f"takes {model.input_shape}, not {takes}"
    if model.output_shape != returns:
        return f"returns {model.output_shape}, not {returns}"
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        return "has weights that are infinite or not a number"
    return None
