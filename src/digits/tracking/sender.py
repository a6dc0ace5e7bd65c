"""Send what is in an outbox to the store, so that the training never waits for it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from digits.tracking.address import shown, tracking_uri
from digits.tracking.delivery import Delivery
from digits.tracking.failures import is_final, reason_of
from digits.tracking.opening import destination, open_store
from digits.tracking.outbox import Outbox
from digits.tracking.store import StoreAwayError

FIRST_PAUSE, LONGEST_PAUSE = 1, 30  # seconds before an entry is sent again
SHORT_WAIT = 1  # seconds


class Sender:
    """A thread that delivers the entries of an outbox in their order, tries again what fails, and removes the
    outbox at the end. An error by which the store refuses an entry for good is in `refused`; the outbox is
    then set aside at the end, in the folder `aside`.

    `opened` says whether the store was opened already.
    """

    aside: Path | None = None

    def __init__(self, outbox: Outbox, opened: bool) -> None:
        self.refused: Exception | None = None
        self._outbox, self._opened = outbox, opened
        self._delivery = Delivery(outbox)
        self._changed, self._hurry = threading.Condition(), threading.Event()
        self._ending = self._given_up = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def left(self) -> int:
        """How many entries the store does not have yet."""
        return len(self._outbox.waiting)

    def wake(self) -> None:
        """Send what was added to the outbox."""
        with self._changed:
            self._changed.notify()

    def finish(self, patience: float, in_all: bool = False) -> None:
        """Wait until everything is delivered, at most `patience` seconds for each entry, or `in_all`. What is
        left then is for the next one who opens the store."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._hurry.set()
        left = None
        while self._thread.is_alive() and left != self.left:
            left = self.left
            self._thread.join(patience)
            if in_all:
                break
        self._given_up = True
        self._hurry.set()
        self._thread.join(SHORT_WAIT)  # no longer, since it can hang in a request

    def _run(self) -> None:
        pause, away = float(FIRST_PAUSE), not self._opened  # which was said at the start
        while self._wait_for_entry() and not self._given_up:
            try:
                self._deliver_next()
            except Exception as error:
                if is_final(error):
                    self._refuse(error)
                    return
                if not away:
                    self._say(f"does not take what is recorded ({reason_of(error)}); it is sent again later")
                away = True
                self._hurry.wait(pause)
                self._hurry.clear()
                pause = FIRST_PAUSE if self._ending else min(2 * pause, LONGEST_PAUSE)
            else:
                if away:
                    self._say("is back")
                pause, away = float(FIRST_PAUSE), False
        if self._outbox.waiting:
            self._outbox.close()
        else:
            self._outbox.remove()

    def _wait_for_entry(self) -> bool:
        with self._changed:
            while not self._outbox.waiting and not self._ending:
                self._changed.wait()
            return bool(self._outbox.waiting)

    def _refuse(self, error: Exception) -> None:
        self.refused = error
        self._say(f"refuses what is recorded ({reason_of(error)})")
        with self._changed:
            self._changed.wait_for(lambda: self._ending)
        self.aside = self._outbox.set_aside()

    def _deliver_next(self) -> None:
        if self._outbox.destination != destination():
            raise StoreAwayError("another store is used now")
        if not self._opened:
            open_store()
            self._opened = True
        self._delivery.deliver_next()

    def _say(self, what: str) -> None:
        print(f"{shown(tracking_uri())} {what}", file=sys.stderr, flush=True)
