"""Send the epochs of a training to a tracking server, so that the training never waits for it."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

from digits.base.errors import message_of
from digits.learning.history import Epoch

LONGEST_REASON = 200  # letters
FIRST_PAUSE, LONGEST_PAUSE = 1, 30  # seconds before an epoch is sent again
LAST_WAIT = 60  # seconds at the end of the training in which the server must take an epoch


class EpochSender:
    """A thread that calls `log` with each epoch and the time, in milliseconds, at which it ended, in their
    order. What fails is tried again. Nothing depends on it: the epochs are in the checkpoint too.

    Leaving the block waits for what is left, after an error just for what is being sent.
    """

    def __init__(self, log: Callable[[Epoch, int], object], server: str) -> None:
        self._log, self._server = log, server
        self._queue: deque[tuple[Epoch, int]] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def left(self) -> int:
        """How many epochs the server does not have yet."""
        return len(self._queue)

    def put(self, epoch: Epoch) -> None:
        """Send the epoch, now or later."""
        with self._changed:
            self._queue.append((epoch, round(time.time() * 1000)))
            self._changed.notify()

    def __enter__(self) -> EpochSender:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ending = True
            if kind:
                self._queue.clear()
            self._changed.notify()
        left = None
        while self._thread.is_alive() and left != self.left:  # as long as the server takes some
            left = self.left
            self._thread.join(LAST_WAIT)

    def _run(self) -> None:
        pause, away = float(FIRST_PAUSE), False
        while True:
            with self._changed:
                while not self._queue:
                    if self._ending:
                        return
                    self._changed.wait()
                epoch, moment = self._queue[0]
            try:
                self._log(epoch, moment)
            except Exception as reason:  # whatever the client stumbles over
                if not away:
                    what = f"does not take epoch {epoch.epoch} ({message_of(reason)[:LONGEST_REASON]})"
                    self._say(f"{what}; it is sent again later")
                away = True
                with self._changed:
                    self._changed.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            if away:
                self._say("is back")
            pause, away = float(FIRST_PAUSE), False
            with self._changed:
                if self._queue and self._queue[0][0] is epoch:
                    self._queue.popleft()

    def _say(self, what: str) -> None:
        print(f"{self._server} {what}", file=sys.stderr, flush=True)
