"""Let a command end in order when it is interrupted: by Ctrl-C, SIGTERM, or a terminal that is closed."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator

from digits.base import processes

IMPATIENCE = 5  # seconds after an interrupt in which another one means the same

_interrupted = False
_followed: tuple[int, str] | None = None
_raised_at = -math.inf
_holding = 0


def install() -> None:
    """Raise KeyboardInterrupt at each signal that people and systems end commands with. What is ignored stays
    so, as a closed terminal under nohup."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)  # Windows has only the first two
        if number and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _interrupt)


def _interrupt(*_: object) -> None:
    global _interrupted, _raised_at
    _interrupted = True
    # People press Ctrl-C twice: the second one must not break off what ends the run after the first.
    if not _holding and time.monotonic() > _raised_at + IMPATIENCE:
        _raised_at = time.monotonic()
        raise KeyboardInterrupt


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Raise an interrupt that arrives during the block after it. An interrupted write to SQLite keeps the
    database locked, so that how the run ended could not be recorded. Also a decorator. Other threads than the
    main one are never interrupted."""
    global _holding, _raised_at
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _interrupted
    _holding += 1
    try:
        yield
    finally:
        _holding -= 1
    if _interrupted and not before and not _holding:
        _raised_at = time.monotonic()
        raise KeyboardInterrupt


@contextlib.contextmanager
def terminal_signals_blocked() -> Iterator[None]:
    """Start processes in the block that a terminal does not interrupt, since this one ends them. An interrupt
    that arrives in the block is raised after it, also where another thread receives the signal."""
    numbers = {getattr(signal, name) for name in ("SIGINT", "SIGHUP", "SIGQUIT") if hasattr(signal, name)}
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    with interrupts_held():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with(process: int | None) -> None:
    """Be interrupted too when this process ends: DVC ends without a word to the stage that it runs."""
    global _followed
    _followed = (process, processes.start(process)) if process else None


def raise_if_interrupted() -> None:
    """Raise an interrupt once more, during long work: some libraries catch every exception, and an interrupt
    that arrives there is lost. Raise one too if the process of `end_with` has ended."""
    if _interrupted:
        raise KeyboardInterrupt
    if _followed and processes.start(_followed[0]) != _followed[1]:
        raise KeyboardInterrupt("the process that ran this one has ended")
