"""The entries of an outbox, each a line of a file."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digits.base.errors import UserError


@dataclasses.dataclass(frozen=True)
class Entry:
    """Something to record, of a `kind` that digits.tracking.delivery knows. Entries are numbered from 1.
    `time` is in milliseconds since 1970. `values` can be written as JSON."""

    number: int
    kind: str
    time: int
    values: Mapping[str, Any]

    def line(self) -> bytes:
        """Return the entry as a line of the file, with a checksum in front."""
        text = json.dumps(dataclasses.asdict(self)).encode()
        return b"%08x %s\n" % (zlib.crc32(text), text)


def read_entries(content: bytes, file: Path) -> tuple[list[Entry], int]:
    """Return the entries in the `content` of `file`, and how many bytes of it they are. A last line that was
    not written to its end is left out.

    Raises UserError if another line is damaged or missing.
    """
    entries: list[Entry] = []
    size = 0
    lines = content.split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        entry = _read_line(line)
        if entry is None and number == len(lines):
            break
        if entry is None or entry.number != number:
            raise UserError(f"{file}: line {number} is damaged")
        entries.append(entry)
        size += len(line) + 1
    return entries, size


def _read_line(line: bytes) -> Entry | None:
    checksum, _, text = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        entry = Entry(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None
    known = isinstance(entry.kind, str) and isinstance(entry.values, dict) and type(entry.time) is int
    return entry if known and type(entry.number) is int else None
