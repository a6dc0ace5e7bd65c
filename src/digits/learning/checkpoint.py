"""Keep the state of a training in a file after each epoch, so that one that was killed can go on."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits.base import files
from digits.base.errors import UserError
from digits.learning.history import Epoch

Arrays = Mapping[str, NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class State:
    """What a training has reached: the arrays of `Trainer.state()` after the last epoch of `history`.
    `recording` identifies the run that records it, and `seconds` is how long it took."""

    arrays: Arrays
    history: Sequence[Epoch]
    recording: str
    seconds: float


class Checkpoint:
    """A file with the last state of a training. It is complete at whatever moment the process is killed: a
    new state is written beside it, and takes its place once it is on the disk."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self, state: State) -> None:
        """Replace the state that the file has. Raises OSError if the disk is full; the file is then as it
        was."""
        content = io.BytesIO()
        history = [dataclasses.asdict(epoch) for epoch in state.history]
        text = {"history": history, "recording": state.recording, "seconds": state.seconds}
        arrays: dict[str, Any] = {"json": np.frombuffer(json.dumps(text).encode(), np.uint8), **state.arrays}
        np.savez(content, **arrays)
        files.replace_durably(self.file, hashlib.sha256(content.getbuffer()).digest() + content.getvalue())

    def read(self) -> State | None:
        """Return the state in the file, or None if there is none. Raises UserError if it is damaged."""
        try:
            found = self.file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"{self.file}: cannot be read: {error.strerror}") from None
        digest, content = found[:32], found[32:]
        if digest != hashlib.sha256(content).digest():
            raise UserError(f"{self.file}: is damaged; with resume=false the training starts anew")
        with np.load(io.BytesIO(content)) as archive:
            arrays = dict(archive)
        text = json.loads(arrays.pop("json").tobytes())
        history = [Epoch(**epoch) for epoch in text["history"]]
        return State(arrays, history, text["recording"], text["seconds"])

    def remove(self) -> None:
        """Remove the file, if there is one, and what a process that was killed while writing has left."""
        self.file.unlink(missing_ok=True)
        files.remove_unfinished(self.file)
