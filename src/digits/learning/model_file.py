"""Save and load trained models."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from digits.base import files
from digits.base.errors import UserError, message_of, shortened
from digits.config.data import MODE_OF_CHANNELS, Images, of_pictures

LARGEST = 2**30  # bytes
LONGEST_REASON = 300  # letters
CLASSES, PICTURES = "classes", "pictures"  # keys that Keras ignores in the metadata
TRAIN = "`dvc repro train` trains one"


def save(model: keras.Model, classes: Sequence[str], data: Images, file: Path) -> None:
    """Write `model` for `keras.models.load_model`, with the names of its classes, and the keys of `data` that
    say how a picture becomes an image. Equal weights make equal files, unlike with `model.save`, which also
    writes the date and the numbers of objects in memory."""
    model.save(files.with_parents(file))
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(content["metadata.json"])
    kept = {"keras_version": metadata["keras_version"], CLASSES: list(classes), PICTURES: of_pictures(data)}
    content["metadata.json"] = json.dumps(kept).encode()
    content["config.json"] = re.sub(rb', "shared_object_id": \d+', b"", content["config.json"])
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in content.items():
            archive.writestr(zipfile.ZipInfo(name), value)  # ZipInfo's date is 1980


@dataclasses.dataclass(frozen=True)
class Trained:
    """A model that takes images, (n, height, width, channels) uint8, and returns probabilities of `classes`,
    (n, classes) float32. `data` says how a picture becomes an image of that size."""

    model: keras.Model
    classes: tuple[str, ...]
    data: Images


def load(file: Path, shape: tuple[int, ...], classes: Sequence[str]) -> keras.Model:
    """Return the model in `file`, which must take images of this shape as bytes, and return probabilities of
    these `classes`. A file that Keras wrote has no names of classes; then their number must be right.

    Raises UserError if it does not exist, or is not such a model.
    """
    with _refused(file):
        named = tuple(_check_archive(file).get(CLASSES, classes))
        if named != tuple(classes):
            raise ValueError(f"names the classes {shortened(named)}, not {shortened(classes)}")
        model = _load(file)
        for verb, is_shape, wanted in (
            ("takes", model.input_shape, (None, *shape)),
            ("returns", model.output_shape, (None, len(classes))),
        ):
            if is_shape != wanted:
                raise ValueError(f"{verb} {is_shape}, not {wanted}")
    return model


def read(file: Path) -> Trained:
    """Return the model in `file` for pictures of any size. A file that Keras wrote has no names of classes;
    then they are numbered.

    Raises UserError if it does not exist, or is no model that takes images of one or three channels.
    """
    with _refused(file):
        metadata = _check_archive(file)
        model = _load(file)
        takes, returns = model.input_shape, model.output_shape
        if len(takes) != 4 or None in takes[1:] or takes[3] not in MODE_OF_CHANNELS or len(returns) != 2:
            raise ValueError(f"takes {takes} and returns {returns}, not images and probabilities")
        classes = tuple(map(str, metadata.get(CLASSES, range(returns[1]))))
        if len(classes) != returns[1]:
            raise ValueError(f"names {len(classes)} classes and returns {returns[1]}")
        pictures = {"name": file.name, **metadata.get(PICTURES, {})}
        of_model = {"size": [takes[1], takes[2]], "color_mode": MODE_OF_CHANNELS[takes[3]]}
        return Trained(model, classes, Images.model_validate(pictures | of_model))


@contextlib.contextmanager
def _refused(file: Path) -> Iterator[None]:
    """Raise a UserError that names the `file` for whatever is wrong with it."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist; {TRAIN}") from None
    except UserError:
        raise
    except Exception as error:  # Keras raises whatever it stumbles over
        reason = message_of(error)[:LONGEST_REASON]
        raise UserError(f"{file}: is not a model that can be used ({reason}); {TRAIN}") from None


def _check_archive(file: Path) -> dict[str, Any]:
    """Return the metadata of the model in `file`.

    Raises ValueError or BadZipFile if `file` is damaged, which makes HDF5 end the process, or unpacks to more
    than LARGEST bytes.
    """
    with files.open_regular(file) as stream, zipfile.ZipFile(stream) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST:
            raise ValueError(f"unpacks to {size:,} bytes; at most {LARGEST:,} are allowed")
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} is damaged")
        metadata: dict[str, Any] = json.loads(archive.read("metadata.json"))
        return metadata


def _load(file: Path) -> keras.Model:
    model = keras.models.load_model(file, compile=False)
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise ValueError("has weights that are infinite or not a number")
    return model
