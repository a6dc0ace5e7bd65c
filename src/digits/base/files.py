"""Writing files so that a reader finds a whole one or none."""

import contextlib
import csv
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files move into `folder`, each to its relative path, on success.

    After an error or an interrupt `folder` is as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as temporary:
        stage = Path(temporary)
        yield stage
        for file in sorted(path for path in stage.rglob("*") if path.is_file()):
            target = folder / file.relative_to(stage)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)


def create(file: Path) -> Path:
    """`file`, with the folders above it made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def write_json(file: Path, value: Any) -> None:
    create(file).write_text(json.dumps(value, indent=2) + "\n")


def write_csv(file: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """One line for each row, under the keys of the first."""
    rows = list(rows)
    with create(file).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def md5(file: Path) -> str:
    """The digest by which DVC knows the file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
