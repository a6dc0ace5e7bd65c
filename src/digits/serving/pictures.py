"""Read the pictures to predict."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from digits.base.errors import UserError
from digits.config.data import Images
from digits.data.arrays import Pixels
from digits.data.chunks import in_chunks
from digits.data.pictures import SUFFIXES, PictureError, read_picture

STANDARD_INPUT = "-"
PREPARE = ("auto", "mnist", "none")


@contextlib.contextmanager
def listed(words: Sequence[str]) -> Iterator[list[tuple[str, Path]]]:
    """Provide the pictures that a person named, each with the name to show: files, all pictures in folders,
    and - for one from standard input.

    Raises UserError if a folder has none.
    """
    with tempfile.TemporaryDirectory() as temporary:
        found = []
        for word in words:
            if word == STANDARD_INPUT:
                file = Path(temporary) / "picture"
                with file.open("wb") as stream:
                    shutil.copyfileobj(sys.stdin.buffer, stream)
                found.append((word, file))
            elif Path(word).is_dir():
                inside = [file for file in sorted(Path(word).rglob("*")) if file.suffix.lower() in SUFFIXES]
                if not inside:
                    raise UserError(f"{word}: has no picture in it ({', '.join(sorted(SUFFIXES))})")
                found += [(str(file), file) for file in inside]
            else:
                found.append((word, Path(word)))
        yield found


def preparation(data: Images, prepare: str) -> tuple[Images, bool]:
    """Return the keys by which pictures become images of a model, and whether those that have the right size
    are prepared too. `prepare` is one of PREPARE: as the model's data were if the size differs, always as
    MNIST was, or fitted to the size alone.

    Raises UserError if the model takes colours, and pictures should be prepared as MNIST was.
    """
    if prepare == "mnist" and data.color_mode != "grayscale":
        raise UserError("prepare: mnist makes grey images, and the model takes coloured ones")
    changes: dict[str, dict[str, object]] = {
        "auto": {},
        "mnist": {"prepare": "mnist"},
        "none": {"prepare": None},
    }
    return data.model_copy(update=changes[prepare]), prepare == "mnist"


def read_all(files: Sequence[Path], data: Images, always: bool) -> Iterator[list[Pixels | str]]:
    """Yield the pictures in chunks, each as (height, width, channels) uint8, or as what is wrong with it. All
    processors work on many. See `preparation` for the rest."""
    yield from in_chunks(len(files), lambda rows: (_read, files[rows.start : rows.stop], data, always))


def _read(files: Sequence[Path], data: Images, always: bool) -> list[Pixels | str]:
    found: list[Pixels | str] = []
    for file in files:
        try:
            found.append(read_picture(file, data, always=always)[0])
        except PictureError as error:
            found.append(str(error))
    return found
