"""Go on with a training that was killed, from its last finished epoch."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from digits.base import paths
from digits.base.errors import DivergedError
from digits.config.request import Request
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.learning import runtime
from digits.learning.checkpoint import Arrays, Checkpoint, State
from digits.learning.history import Epoch
from digits.tracking.described import recorded_parameters

CODE = ("data", "learning", "models", "recipe.py")  # of src/digits, on which trained weights depend
PACKAGES = ("keras", "numpy", "tensorflow")


class Progress:
    """What is kept of a training while it is not finished. `start` is the state from which it goes on, if it
    was killed."""

    def __init__(self, checkpoint: Checkpoint, start: State | None) -> None:
        self.start = start
        self._checkpoint = checkpoint
        self._began = time.perf_counter() - (start.seconds if start else 0)

    @property
    def seconds(self) -> float:
        """How long the training has taken, without the time in which it was interrupted."""
        return time.perf_counter() - self._began

    def keep(self, recording: str, arrays: Arrays, history: Sequence[Epoch]) -> None:
        """Keep the state after an epoch. If the disk is full, the training goes on all the same."""
        try:
            self._checkpoint.write(State(arrays, history, recording, self.seconds))
        except OSError as error:
            print(f"epoch {history[-1].epoch} has no checkpoint: {error}", file=sys.stderr)


@contextlib.contextmanager
def resumable(request: Request[Config], splits: Splits, trial: int | None = None) -> Iterator[Progress]:
    """Yield the progress of the training that `request` describes, as this `trial` of a search if it is one:
    two trials can be equal. It is kept if the block is interrupted, and dropped after success.

    A process that trains the same is waited for. Raises UserError if the checkpoint is damaged.
    """
    file = paths.main_root() / f"checkpoints/{_key(request, splits, trial)}.checkpoint"
    file.parent.mkdir(exist_ok=True)
    checkpoint, lock = Checkpoint(file), FileLock(f"{file}.lock")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock.acquire(timeout=0))
        except Timeout:
            print("another process trains the same; waiting until it ends", file=sys.stderr)
            stack.enter_context(lock.acquire())
        try:
            if request.options.resume is False:
                checkpoint.remove()
            yield Progress(checkpoint, checkpoint.read())
            checkpoint.remove()
        except DivergedError:
            checkpoint.remove()  # it would diverge again
            raise
        finally:
            if not file.exists():
                Path(lock.lock_file).unlink(missing_ok=True)


def _key(request: Request[Config], splits: Splits, trial: int | None) -> str:
    """Return a digest of all that the weights depend on, and of what the run belongs to."""
    known = {
        "parameters": recorded_parameters(request.config, splits.digest),
        "splits": {name: splits[name].digest for name in ("train", "validation")},
        "classes": splits.classes,
        "parent": request.options.parent_run,
        "trial": trial,
        "numerics": runtime.numerics(request.resources.threads),
        "code": _code_digest(),
        "versions": {name: version(name) for name in PACKAGES} | {"python": sys.version},
    }
    return hashlib.md5(json.dumps(known, sort_keys=True).encode()).hexdigest()


@functools.cache
def _code_digest() -> str:
    digest = hashlib.md5()
    for part in CODE:
        path = paths.ROOT / "src/digits" / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()
