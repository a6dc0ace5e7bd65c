"""Keep what is recorded of a run on the disk until the store has it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from digits.base import files
from digits.base.errors import UserError
from digits.base.paths import main_root
from digits.tracking.entries import Entry, read_entries


class Outbox:
    """The entries of one run, in their order: a folder with the file `entries`, the file `delivered` that
    says up to where the store has them, and a folder for each entry that has files.

    It is locked from the moment it is opened until it is closed. One that a killed process left is opened by
    the next command.
    """

    def __init__(self, key: str, destination: tuple[str, str] | None = None) -> None:
        """Open the outbox `key`, or with a `destination`, the names of a store and an experiment, a new one.

        Raises UserError if its entries are damaged, filelock.Timeout if another process has it open, and
        FileNotFoundError if another process has removed it.
        """
        self.key = key
        self.folder = _all() / key
        self._lock = FileLock(self.folder / "lock", thread_local=False)  # a Sender's thread releases it
        with _no_other_opens_or_removes():
            if destination:
                self.folder.mkdir(parents=True)
            self.folder.stat()
            self._lock.acquire(timeout=0)
        self._file = self.folder / "entries"
        self._unwritten: list[Entry] = []
        self._appending = threading.Lock()
        self._said = False
        try:
            self._file.touch()
            entries, self._size, self._delivered = _read(self.folder)
        except BaseException:
            self.close()
            raise
        self._last = len(entries)
        self.waiting = deque(entries[self._delivered[0] :])
        if destination:
            self.append("store", {"names": destination})
            with contextlib.suppress(OSError):
                files.sync_folder(self.folder)
                files.sync_folder(self.folder.parent)
        elif entries:
            destination = tuple(entries[0].values.get("names", ("", "")))
        self.destination = destination

    @property
    def run_id(self) -> str:
        """The run in the store to which the delivered entries belong, or an empty string."""
        return self._delivered[1]

    def append(self, kind: str, values: Mapping[str, Any], durable: bool = True) -> None:
        """Add an entry. It is on the disk when this returns, if `durable` also after a power cut; without
        space on the disk it is kept in memory."""
        with self._appending:
            self._last += 1
            entry = Entry(self._last, kind, time.time_ns() // 1_000_000, values)
            self._unwritten.append(entry)
            self.waiting.append(entry)
            lines = b"".join(each.line() for each in self._unwritten)
            try:
                with self._file.open("r+b") as stream:
                    stream.truncate(self._size)  # without a line for which there was not enough space
                    stream.seek(self._size)
                    stream.write(lines)
                    stream.flush()
                    if durable:
                        os.fsync(stream.fileno())
            except OSError as error:
                if not self._said:
                    print(f"{self._file}: cannot be written to: {error.strerror}", file=sys.stderr)
                self._said = True
            else:
                self._size += len(lines)
                self._unwritten.clear()

    @contextlib.contextmanager
    def new_folder(self) -> Iterator[Path]:
        """Yield an empty folder for the files of an entry, which names it."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def mark_delivered(self, entry: Entry, run_id: str) -> None:
        """Remember that the store has all entries up to this one, in the run `run_id`. If that is lost, they
        are delivered again, which changes nothing."""
        self._delivered = (entry.number, run_id)
        with contextlib.suppress(OSError):
            (self.folder / "delivered").write_text(json.dumps(self._delivered), encoding="utf-8")
        while self.waiting and self.waiting[0].number <= entry.number:
            self.waiting.popleft()

    def remove(self) -> None:
        """Remove the folder, for everything was delivered. If that fails, the next command does it."""
        with contextlib.suppress(OSError), _no_other_opens_or_removes():
            self._file.unlink(missing_ok=True)  # first: a folder without entries is empty
            shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def set_aside(self) -> Path:
        """Close the outbox and rename its folder, so that it is not delivered any more. Return the new
        folder."""
        aside = _set_aside(self.folder)
        self.close()
        return aside

    def close(self) -> None:
        """Let other processes deliver what is left."""
        self._lock.release()


def _all() -> Path:
    """Return the folder of all outboxes."""
    return main_root() / "outbox"


def _no_other_opens_or_removes() -> BaseFileLock:
    """Return a lock under which outboxes are opened and removed: a new one is locked before another process
    can take it for one that was left, and one that is locked is there."""
    return FileLock(_all().with_suffix(".lock"))


def _read(folder: Path) -> tuple[list[Entry], int, tuple[int, str]]:
    """Return the entries of an outbox, how many bytes they are, and what `_read_position` says."""
    file = folder / "entries"
    entries, size = read_entries(file.read_bytes(), file)
    return entries, size, _read_position(folder, len(entries))


def _read_position(folder: Path, last: int) -> tuple[int, str]:
    """Return how many entries are delivered, of `last`, and the run that has them."""
    try:
        number, run_id = json.loads((folder / "delivered").read_text(encoding="utf-8"))
        return min(int(number), last), str(run_id)
    except (OSError, ValueError, TypeError):
        return 0, ""


def _set_aside(folder: Path) -> Path:
    return folder.replace(folder.with_suffix(".refused"))


def keys_on_disk() -> list[str]:
    """Return the keys of all outboxes, the oldest first."""
    folders = _all().glob("*-*")
    return sorted(folder.name for folder in folders if folder.is_dir() and not folder.suffix)


def open_left() -> Iterator[Outbox]:
    """Yield each outbox that no living process has open, the oldest first. The caller closes it."""
    for key in keys_on_disk():
        try:
            outbox = Outbox(key)
        except (Timeout, FileNotFoundError, RuntimeError):  # RuntimeError: this very thread has it open
            continue
        except UserError as error:
            aside = _set_aside(_all() / key)
            print(f"{error}; what it has is not recorded, and kept in {aside}", file=sys.stderr)
            continue
        yield outbox


def older_one_waits(key: str, name: str, value: str) -> bool:
    """Return whether an outbox that is older than `key`, of whatever process, has an entry with this `value`
    and is not delivered."""
    for older in itertools.takewhile(lambda each: each < key, keys_on_disk()):
        with contextlib.suppress(OSError, UserError):  # it was removed meanwhile, or is never delivered
            entries, _, (delivered, _) = _read(_all() / older)
            if delivered < len(entries) and any(entry.values.get(name) == value for entry in entries):
                return True
    return False
