"""Draw learning curves in a process of their own.

It imports matplotlib while the command reads the runs, which takes as long.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from digits.base.interrupts import terminal_signals_blocked
from digits.reports import figures


class Drawing:
    """Pictures that are drawn at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def draw_curves(self, title: str, curves: figures.Curves, file: Path) -> None:
        """Ask for a picture, and do not wait for it."""
        self._connection.send((title, curves, file))

    def wait(self) -> None:
        """Wait for the next of the pictures. Raises what was raised while it was drawn."""
        error: Exception | None = self._connection.recv()
        if error:
            raise error


@contextlib.contextmanager
def drawing_process() -> Iterator[Drawing]:
    """Yield what draws in another process, which ends with the block."""
    spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
    connection, of_process = spawn.Pipe()
    process = spawn.Process(target=_draw_all, args=(of_process,), daemon=True)
    with terminal_signals_blocked():
        process.start()
    of_process.close()
    try:
        yield Drawing(connection)
    finally:
        process.terminate()
        process.join()


def _draw_all(connection: Any) -> None:
    """Draw what is asked for, until the process at the other end has ended."""
    figures.import_matplotlib()
    with contextlib.suppress(EOFError):
        while True:
            job = connection.recv()
            try:
                figures.draw_curves(*job)
            except Exception as error:
                connection.send(error)
            else:
                connection.send(None)
