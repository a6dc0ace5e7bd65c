"""Let a command end in order when it is interrupted, by Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

_interrupted = False
_holding = 0


def install() -> None:
    """Raise KeyboardInterrupt at both signals, except SIGINT if it is ignored, as under nohup."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(*_: object) -> None:
    global _interrupted
    _interrupted = True
    if not _holding:
        raise KeyboardInterrupt


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Raise an interrupt that arrives during the block after it. An interrupted write to SQLite keeps the
    database locked, so that how the run ended could not be recorded. Also a decorator."""
    global _holding
    before = _interrupted
    _holding += 1
    try:
        yield
    finally:
        _holding -= 1
    if _interrupted and not before and not _holding:
        raise KeyboardInterrupt


def raise_if_interrupted() -> None:
    """Raise an interrupt once more, during long work: some libraries catch every exception, and an interrupt
    that arrives there is lost."""
    if _interrupted:
        raise KeyboardInterrupt
