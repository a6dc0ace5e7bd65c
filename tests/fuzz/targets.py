"""What is fuzzed: functions that read bytes which anybody can have written. They may refuse them with
UserError."""

from __future__ import annotations

import contextlib
import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path

from digits.base.errors import UserError
from digits.config.params import read_params
from digits.data import idx

FOLDER = Path(tempfile.mkdtemp(prefix="digits-fuzz-"))


def read_idx(content: bytes) -> None:
    """Read a file, compressed if the first byte is odd, as arrays of one and of three dimensions."""
    file = FOLDER / "images.gz"
    rest = content[1:]
    file.write_bytes(gzip.compress(rest, 1) if content[:1] and content[0] % 2 else rest)
    for dimensions in (1, 3):
        with contextlib.suppress(UserError):
            array = idx.read(file, dimensions)
            assert array.ndim == dimensions


def read_configuration(content: bytes) -> None:
    """Read params.yaml."""
    file = FOLDER / "params.yaml"
    file.write_bytes(content)
    with contextlib.suppress(UserError):
        read_params(file)


TARGETS: dict[str, Callable[[bytes], None]] = {"idx": read_idx, "params": read_configuration}
