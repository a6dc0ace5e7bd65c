"""Save and load trained models."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import keras

from digits.base import files
from digits.base.errors import UserError


def save(model: keras.Model, file: Path) -> None:
    """Write `model` for `keras.models.load_model`. Equal weights make equal files, unlike with `model.save`,
    which also writes the date and the numbers of objects in memory."""
    model.save(files.with_parents(file))
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(content["metadata.json"])
    content["metadata.json"] = json.dumps({"keras_version": metadata["keras_version"]}).encode()
    content["config.json"] = re.sub(rb', "shared_object_id": \d+', b"", content["config.json"])
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in content.items():
            archive.writestr(zipfile.ZipInfo(name), value)  # ZipInfo's date is 1980


def load(file: Path) -> keras.Model:
    """Return the model in `file`. Raises UserError if it does not exist or is not a Keras model."""
    try:
        return keras.models.load_model(file, compile=False)
    except (OSError, ValueError, KeyError) as error:
        reason = f"is not a Keras model ({error})" if file.exists() else "does not exist"
        raise UserError(f"{file}: {reason}; `dvc repro train` trains one") from None
