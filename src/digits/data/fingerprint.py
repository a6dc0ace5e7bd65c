"""Tell DVC when images of one's own have changed: it watches a file, not a folder that a preset names.

The fingerprint is a digest of all names and contents. Files whose size and time of change are as they were
are not read again, as DVC and git do it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from digits.base import files, paths
from digits.base.errors import UserError
from digits.base.interrupts import raise_if_interrupted
from digits.base.staging import staged
from digits.config.data import Data, DataConfig, Package, content


def write_fingerprint(config: DataConfig, out: Path) -> None:
    """Write the fingerprint of the images to `out`/data/fingerprint.json. It is null without images of one's
    own."""
    with staged(out) as stage:
        files.write_json(stage / "data/fingerprint.json", {"fingerprint": fingerprint(config.data)})


def own_path(path: str) -> Path:
    """Return where the images of a preset lie: a path from the project's root, or an absolute one."""
    return paths.main_root() / Path(path).expanduser()


def fingerprint(data: Data) -> str | None:
    """Return a digest of the images of a preset that lie in a folder or file of one's own, or None.

    Raises UserError if they do not exist.
    """
    if isinstance(data, Package) or data.path is None:
        return None
    path = own_path(data.path)
    listed = hashlib.md5()
    found = []
    try:
        for name, status in _files(path):
            found.append(name)
            listed.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    except FileNotFoundError:
        if before := _fetched_before(data):
            print(f"{path} does not exist here; the images in data/raw are those of it", file=sys.stderr)
            return before
        raise UserError(f"{path}: does not exist (path in {data.file})") from None
    known = paths.main_root() / f".dvc/tmp/fingerprint-{hashlib.md5(os.fsencode(path)).hexdigest()}.json"
    try:
        before = json.loads(known.read_text())
        if before["listed"] == listed.hexdigest():
            return str(before["content"])
    except (OSError, ValueError, KeyError):
        pass
    from rich.console import Console  # both only where it takes long
    from rich.progress import track

    whole, terminal = hashlib.md5(), Console(stderr=True)
    for name in track(found, "digest", console=terminal, transient=True, disable=not terminal.is_terminal):
        raise_if_interrupted()
        whole.update(f"{name} {files.md5(path / name)}\n".encode(errors="surrogateescape"))
    value = {"listed": listed.hexdigest(), "content": whole.hexdigest()}
    files.replace_durably(files.with_parents(known), json.dumps(value).encode())
    return whole.hexdigest()


def _fetched_before(data: Data) -> str | None:
    """Return the fingerprint of what is in data/raw if it was fetched with these settings, as after
    `dvc pull`."""
    try:
        source = files.read_json(paths.RAW / "source.json")
    except (OSError, ValueError):
        return None
    same = all(source.get(f"data.{key}") == value for key, value in content(data).items())
    return source.get("fingerprint") if same else None


def _files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files in a folder, each relative to it and with its status, in a fixed order; or
    the file itself."""
    status = path.stat()
    if not stat.S_ISDIR(status.st_mode):
        yield ".", status
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            try:
                status = file.stat()
            except OSError:  # a link that leads nowhere
                continue
            if stat.S_ISREG(status.st_mode):
                yield os.path.relpath(file, path), status
