"""Keep pictures that a model got wrong, in a folder for each class, as `source: folder` reads them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from digits.base import files
from digits.base.errors import UserError
from digits.data.pictures import FORMATS

MOST = 10_000  # pictures of a class: nobody draws more, so that a disk cannot be filled by accident


def keep(picture: bytes, name: str, classes: Sequence[str], folder: Path) -> Path:
    """Write the picture, which can be read, to `folder` as one of the class `name`, and return the file. A
    picture that is there already is not written again.

    Raises UserError if there is no such class, its name is none for a folder, or it has MOST pictures.
    """
    if name not in classes:
        raise UserError(f"class: {name[:50]!r} is none of {', '.join(classes)}")
    if Path(name).name != name or name.startswith(".") or "\\" in name:
        raise UserError(f"class: {name} cannot be the name of a folder")
    kept = folder / name
    if kept.is_dir() and sum(1 for _ in kept.iterdir()) >= MOST:
        raise UserError(f"{kept}: has {MOST:,} pictures already")
    with Image.open(io.BytesIO(picture), formats=FORMATS) as opened:
        suffix = "jpg" if opened.format == "JPEG" else str(opened.format).lower()
    file = kept / f"{hashlib.sha256(picture).hexdigest()[:16]}.{suffix}"
    if not file.exists():
        files.replace_durably(file, picture)
    return file
