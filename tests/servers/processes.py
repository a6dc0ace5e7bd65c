"""Start servers for tests, and end them with all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

LONGEST_START = 120  # seconds, on a machine that is busy


@contextlib.contextmanager
def started(
    command: Sequence[str], log: Path, environment: Mapping[str, str], answers: Callable[[], bool]
) -> Iterator[None]:
    """Start a server that writes to `log`, and wait until it `answers`. At the end it is killed with all of
    its children."""
    with log.open("a") as stream:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=os.environ | dict(environment),
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its own children can be found at the end
        )
    try:
        deadline = time.monotonic() + LONGEST_START
        while not answers():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
