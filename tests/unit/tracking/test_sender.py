"""Entries are sent in their order, whatever the store does, and nobody waits for it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from digits.tracking import sender
from digits.tracking.keys import new_key
from digits.tracking.opening import destination
from digits.tracking.outbox import Outbox, keys_on_disk, open_left
from digits.tracking.sender import Sender

pytestmark = pytest.mark.usefixtures("recording")


class Store:
    """Keeps the numbers that it is sent. For each it first runs the next of `actions`, if any is left."""

    def __init__(self) -> None:
        self.actions: list[Callable[[], object]] = []
        self.taken: list[int] = []

    def deliver_next_of(self, outbox: Outbox) -> None:
        entry = outbox.waiting[0]
        if entry.kind == "number":
            if self.actions:
                self.actions.pop(0)()
            self.taken.append(entry.values["number"])
        outbox.mark_delivered(entry, "the run")


def refuse() -> None:
    raise ConnectionError("refused")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """What the entries are sent to, without pauses."""
    taking = Store()

    class Delivery:
        def __init__(self, outbox: Outbox) -> None:
            self.deliver_next = lambda: taking.deliver_next_of(outbox)

    monkeypatch.setattr(sender, "Delivery", Delivery)
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(sender, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(sender, "shown", lambda _: "the store")
    return taking


class Sending:
    """An outbox that is sent."""

    def __init__(self) -> None:
        self.outbox = Outbox(new_key(), destination())
        self.sender = Sender(self.outbox, opened=True)

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.outbox.append("number", {"number": number})
            self.sender.wake()


@pytest.fixture
def sending(store: Store) -> Iterator[Sending]:
    made = Sending()
    yield made
    store.actions.clear()
    made.sender.finish(10)


def test_entries_arrive_in_their_order_and_leave_nothing(sending: Sending, store: Store) -> None:
    sending.add(1, 2, 3, 4, 5)
    sending.sender.finish(10)
    assert store.taken == [1, 2, 3, 4, 5]
    assert sending.sender.left == 0
    assert keys_on_disk() == []


def test_a_store_that_goes_away_and_comes_back_gets_all_and_is_mentioned_twice(
    sending: Sending, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.actions += [lambda: None, refuse, refuse, refuse]
    sending.add(1, 2, 3, 4)
    sending.sender.finish(10)
    assert store.taken == [1, 2, 3, 4]
    assert capsys.readouterr().err.splitlines() == [
        "the store does not take what is recorded (refused); it is sent again later",
        "the store is back",
    ]


def test_nobody_waits_for_a_slow_store(sending: Sending, store: Store) -> None:
    slow = threading.Event()
    store.actions.append(lambda: slow.wait(30))
    sending.add(1, 2, 3)
    assert store.taken == []  # the first is still on its way
    slow.set()
    sending.sender.finish(10)
    assert store.taken == [1, 2, 3]


def test_at_the_end_the_wait_is_bounded_and_what_is_left_is_on_the_disk(
    sending: Sending, store: Store
) -> None:
    store.actions += [lambda: None, *[refuse] * 10_000]
    sending.add(1, 2, 3)
    sending.sender.finish(0.2)
    assert store.taken == [1]
    assert sending.sender.left == 2
    assert keys_on_disk() == [sending.outbox.key]


def test_what_is_left_is_for_the_next_one_who_opens_the_store(sending: Sending, store: Store) -> None:
    store.actions += [refuse] * 10_000
    sending.add(1)
    assert list(open_left()) == []
    sending.sender.finish(0.1)
    (left,) = open_left()
    assert [entry.values["number"] for entry in left.waiting] == [1]
    left.remove()


def test_what_the_store_refuses_for_good_is_set_aside(
    sending: Sending, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def never() -> None:
        raise MlflowException("too long", mlflow.protos.databricks_pb2.INVALID_PARAMETER_VALUE)

    store.actions += [lambda: None, never]
    sending.add(1, 2)
    sending.sender.finish(10)
    sending.add(3)  # what is recorded afterwards
    assert str(sending.sender.refused) == "too long"
    assert "the store refuses what is recorded (too long)\n" in capsys.readouterr().err
    assert keys_on_disk() == []
    assert [file.name for file in (tmp_path / "outbox").iterdir()] == [f"{sending.outbox.key}.refused"]


def test_another_store_that_is_named_meanwhile_gets_nothing(
    sending: Sending, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "another")
        sending.add(1)
        sending.sender.finish(0.1)
        assert store.taken == []
