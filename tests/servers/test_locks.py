"""Advisory locks of PostgreSQL, between connections and between processes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from digits.base import interrupts
from digits.search.locks import Lock
from digits.search.postgres import StudyStoreError
from digits.search.study_store import read_store
from servers.postgres import PASSWORD, Postgres
from support import ROOT

HOLDER = """
import time
from digits.search.study_store import read_store
read_store("auto", "").lock("shared").acquire()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def address(postgres: Postgres) -> str:
    return postgres.create("locks")


@pytest.fixture
def new_lock(address: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Lock]:
    """Return a function that makes one more lock, which excludes all others of the same name."""
    monkeypatch.setenv("DIGITS_STUDY_STORE", address)

    def new(name: str = "shared") -> Lock:
        return read_store("auto", "").lock(name)

    return new


@pytest.fixture
def first(new_lock: Callable[..., Lock]) -> Iterator[Lock]:
    """A lock that is held once."""
    lock = new_lock()
    with lock:
        yield lock


class Waiting(threading.Thread):
    """Waits for a lock in another thread, and releases it."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(daemon=True)
        self.lock = lock
        self.start()

    def run(self) -> None:
        with self.lock:
            pass

    def has_got_it(self, patience: float = 60) -> bool:
        self.join(patience)
        return not self.is_alive()


def end_connections(address: str) -> None:
    """End all connections to the database, as an administrator or a network can."""
    others = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'locks' AND pid <> "
    )
    with psycopg.connect(address) as connection:
        connection.execute(others + "pg_backend_pid()")


def test_one_at_a_time_holds_it(first: Lock, new_lock: Callable[..., Lock]) -> None:
    waiting = Waiting(new_lock())
    assert not waiting.has_got_it(patience=1)
    first.release()
    assert waiting.has_got_it()


@pytest.mark.usefixtures("first")
def test_locks_of_other_names_are_free(new_lock: Callable[..., Lock]) -> None:
    with new_lock("another"):
        pass


def test_it_is_free_after_as_many_releases_as_acquisitions(
    first: Lock, new_lock: Callable[..., Lock]
) -> None:
    with first:
        waiting = Waiting(new_lock())
    assert not waiting.has_got_it(patience=1)
    first.release()
    assert waiting.has_got_it()


def test_to_release_what_is_not_held_does_nothing(new_lock: Callable[..., Lock]) -> None:
    lock = new_lock()
    lock.release()
    with lock:
        lock.release()
        lock.release()
    with lock:
        assert not Waiting(new_lock()).has_got_it(patience=1)


def test_it_is_free_at_once_if_its_process_is_killed(new_lock: Callable[..., Lock]) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    with holder:
        assert holder.stdout.readline() == "held\n"
        waiting = Waiting(new_lock())
        assert not waiting.has_got_it(patience=1)
        holder.send_signal(signal.SIGKILL)
        assert waiting.has_got_it()


def test_an_interrupt_ends_the_wait_and_leaves_nothing_held(
    first: Lock, new_lock: Callable[..., Lock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "_interrupted", True)
    lock = new_lock()
    with pytest.raises(KeyboardInterrupt):
        lock.acquire()
    lock.release()
    first.release()
    assert Waiting(new_lock()).has_got_it()


def test_a_lock_that_is_lost_is_an_error_where_it_is_acquired_again(
    first: Lock, new_lock: Callable[..., Lock], address: str
) -> None:
    end_connections(address)
    with new_lock():  # meanwhile somebody else has it
        with pytest.raises(StudyStoreError) as error:
            first.acquire()
        with pytest.raises(StudyStoreError):
            first.release()
    message = str(error.value)
    assert message.startswith("study_store: postgresql://127.0.0.1:")
    assert message.endswith("; the same command continues the search once the server is there")
    assert "\n" not in message
    assert PASSWORD not in message


def test_a_lock_that_is_lost_is_an_error_where_it_is_released(first: Lock, address: str) -> None:
    end_connections(address)
    with pytest.raises(StudyStoreError):
        first.release()
    with first:  # and can be acquired anew
        pass


def test_that_a_lock_is_lost_does_not_hide_what_ended_the_block(
    new_lock: Callable[..., Lock], address: str
) -> None:
    def interrupted() -> None:
        with new_lock():
            end_connections(address)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
