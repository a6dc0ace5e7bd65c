"""Locks that all processes which share a study respect, on one machine or on several."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from sqlalchemy import Connection

from digits.base.errors import UserError
from digits.base.interrupts import raise_if_interrupted

POLL = 0.2  # seconds between two tries to get a lock


class Lock(Protocol):
    """A lock as those of filelock are: reentrant, and to release one that is not held does nothing."""

    def acquire(self) -> object: ...

    def release(self) -> None: ...

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def key_of(name: str) -> int:
    """Return a number of 64 bits, with a sign, that is the same for this name everywhere."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


class PostgresLock:
    """An advisory lock of PostgreSQL, for one thread.

    The server ties it to a connection, which is open as long as the lock is held. So it is free at once when
    the process that holds it is killed. If the connection is lost, another process can get the lock. To
    acquire it once more finds that out, as does to release it.
    """

    def __init__(self, connect: Callable[[], Connection], name: str) -> None:
        """`connect` returns a new connection, which commits each statement and raises a UserError if it is
        lost."""
        self._connect, self._key = connect, key_of(name)
        self._connection: Connection | None = None
        self._lost: UserError | None = None
        self._held = 0

    def acquire(self) -> None:
        """Wait until the lock is free, and hold it. Raises UserError if the connection is lost."""
        if self._held:
            self._ask("SELECT 1")
        else:
            self._connection, self._lost = self._connect(), None
            try:
                while not self._ask(f"SELECT pg_try_advisory_lock({self._key})"):
                    raise_if_interrupted()
                    time.sleep(POLL)
            except BaseException:
                self._close()
                raise
        self._held += 1

    def release(self) -> None:
        """Free the lock, unless it was acquired more often.

        Raises UserError if the connection was lost: another process may have held the lock meanwhile.
        """
        if self._held == 0:
            return
        self._held -= 1
        if self._held == 0:
            try:
                self._ask(f"SELECT pg_advisory_unlock({self._key})")
            finally:
                self._close()

    def _ask(self, question: str) -> Any:
        assert self._connection
        if self._lost:
            raise self._lost
        try:
            return self._connection.exec_driver_sql(question).scalar()
        except UserError as error:
            self._lost = error  # or SQLAlchemy would connect anew, without the lock
            raise

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def __enter__(self) -> PostgresLock:
        self.acquire()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # what ends the block is more important than that the lock was lost
        with contextlib.suppress(UserError) if exc_value else contextlib.nullcontext():
            self.release()
