"""Correct a SQLite store, in which MLflow keeps absolute paths, after the project was moved or copied."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from digits.base.errors import UserError

PATHS = (  # MLflow's tables and the columns of them that have such paths
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_move(file: Path, old: str, new: str) -> None:
    """Replace the folder of artifacts `old` by `new`, both URLs, in the store in `file`, and keep a copy of
    the store as it was. A folder that does not end as `new` does was chosen by somebody, and stays.

    Raises UserError if the artifacts did not move with the store.
    """
    was, here = (Path(unquote(urlsplit(location).path)) for location in (old, new))
    if urlsplit(old).scheme not in ("", "file") or was.parts[-2:] != here.parts[-2:]:
        return
    if not here.exists():
        raise UserError(
            f"{file}: was made in {was.parents[1]}, and its artifacts are not here; copy {was.parent} to "
            f"{here.parent}, or remove {file.name} to start a new store"
        )
    copy = file.with_name(f"{file.name}.before-move")
    shutil.copyfile(file, copy)
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as connection, connection:
        for table, column in PATHS:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
            )
    print(
        f"{file} was made in {was.parents[1]}; its paths are corrected (before: {copy.name})", file=sys.stderr
    )
