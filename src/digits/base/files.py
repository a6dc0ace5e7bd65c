"""Read and write files."""

import contextlib
import csv
import glob
import hashlib
import io
import json
import os
import shutil
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from digits.base.errors import UserError

ABANDONED = 3600  # seconds after which a file that is being written has lost its writer
LARGEST_JSON = 1_000_000  # bytes; the files that are read have some hundred


def open_regular(file: Path) -> BinaryIO:
    """Open a file to read bytes. Raises UserError if it is a folder, or a pipe, which could be waited for
    without end, and OSError if it cannot be read."""
    number = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise UserError(f"{file}: must be a regular file")
    return os.fdopen(number, "rb")


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises UserError if it is not a regular file, OSError if it cannot be read, and ValueError if it has more
    than LARGEST_JSON bytes or anything else than an object.
    """
    with open_regular(file) as stream:
        text = stream.read(LARGEST_JSON + 1)
    if len(text) > LARGEST_JSON:
        raise ValueError(f"has more than {LARGEST_JSON:,} bytes")
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found


def replace_durably(file: Path, content: bytes | memoryview) -> None:
    """Write `content` so that the file has either what it had or all of it, also after a power cut.

    Raises OSError if that fails. The file is then as it was.
    """
    remove_unfinished(file, ABANDONED)
    temporary = with_parents(file).with_name(f".{file.name}.{os.getpid()}.unfinished")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno:
            error.filename = str(file)  # which a write does not name
        raise
    sync_folder(file.parent)


def remove_unfinished(file: Path, seconds: float = 0) -> None:
    """Remove what processes that were killed while they wrote `file` have left, if it is at least `seconds`
    old."""
    for left in file.parent.glob(f".{glob.escape(file.name)}.*.unfinished"):
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            if time.time() - left.stat().st_mtime >= seconds:
                left.unlink()


def sync_folder(folder: Path) -> None:
    """Make sure that the names in the folder are on the disk: they can be lost in a power cut."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def with_parents(file: Path) -> Path:
    """Create the folders above `file` and return it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def copy_files(source: Path, target: Path) -> None:
    """Copy all files in the folder `source` to `target`. Raises OSError for the first that fails, as
    shutil.copytree does not."""
    for file in source.rglob("*"):
        if file.is_file():
            shutil.copyfile(file, with_parents(target / file.relative_to(source)))


def write_json(file: Path, value: Any) -> None:
    """Write `value` as indented JSON."""
    with_parents(file).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_csv(file: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write one line for each row. The keys of the first row are the header."""
    with_parents(file).write_text(to_csv(rows), encoding="utf-8", newline="")


def to_csv(rows: Iterable[Mapping[str, object]]) -> str:
    """Return one line for each row, of which there must be one. The keys of the first row are the header."""
    rows, stream = list(rows), io.StringIO()
    writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def md5(file: Path) -> str:
    """Return the digest by which DVC identifies the file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
