"""Write several files so that a reader finds all of them or none."""

from __future__ import annotations

import contextlib
import errno
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from digits.base.files import with_parents

PREFIX = ".unfinished-"
NAME = len(PREFIX) + 8  # letters


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder. On success its files move into `folder`, each to the same relative path, also
    if that is on another disk.

    After an error or an interrupt `folder` is as it was before. What a process that was killed has left is
    removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder, folder)
    stage = folder / f"{PREFIX}{uuid.uuid4().hex[:8]}"
    lock = _lock(folder, stage.name)
    with lock:  # as long as the process lives
        try:
            stage.mkdir()
            yield stage
            _move(stage, folder)
        except OSError as error:
            if error.errno and not error.filename:
                error.filename = str(folder)  # which a write does not name
            raise
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            Path(lock.lock_file).unlink(missing_ok=True)


def _lock(folder: Path, name: str) -> FileLock:
    return FileLock(folder / f"{name[:NAME]}.lock")


def _move(stage: Path, folder: Path) -> None:
    """Move the files. What can fail, because a disk is full or another one, comes before the first is
    replaced."""
    ready: list[tuple[Path, Path]] = []
    try:
        for file in sorted(path for path in stage.rglob("*") if path.is_file()):
            target = with_parents(folder / file.relative_to(stage))
            beside = target.with_name(f"{stage.name}-{target.name}")
            ready.append((beside, target))
            try:
                file.rename(beside)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.copyfile(file, beside)
        for beside, target in ready:
            beside.replace(target)
    finally:
        for beside, target in ready:
            beside.unlink(missing_ok=True)
            if target.parent != folder:
                _remove_leftovers(target.parent, folder)


def _remove_leftovers(where: Path, locks: Path) -> None:
    """Remove what processes that are gone, and so hold their locks in the folder `locks` no more, left in
    `where`."""
    for left in where.glob(f"{PREFIX}*"):
        # RuntimeError: this very thread holds it
        with contextlib.suppress(Timeout, RuntimeError), _lock(locks, left.name).acquire(timeout=0) as lock:
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            elif left != Path(lock.lock_file):
                left.unlink(missing_ok=True)
            Path(lock.lock_file).unlink(missing_ok=True)
