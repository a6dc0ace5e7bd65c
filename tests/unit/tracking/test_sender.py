"""Epochs are sent in their order, whatever the server does, and the training never waits."""

import threading
import time
from collections.abc import Callable

import pytest

from digits.learning.history import Epoch
from digits.tracking import sender
from digits.tracking.sender import EpochSender


def epoch(number: int) -> Epoch:
    return Epoch(number, 0.9, 0.1, None, None, 0.1, 1.0)


class Server:
    """Keeps the epochs that it is sent. Each call first runs the next of `actions`, if any is left."""

    def __init__(self, *actions: Callable[[], object]) -> None:
        self.actions = list(actions)
        self.taken: list[int] = []
        self.moments: list[int] = []

    def log(self, taken: Epoch, moment: int) -> None:
        if self.actions:
            self.actions.pop(0)()
        self.taken.append(taken.epoch)
        self.moments.append(moment)


def refuse() -> None:
    raise ConnectionError("refused")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(sender, "LONGEST_PAUSE", 0.01)


def test_epochs_arrive_in_their_order_with_the_time_at_which_they_ended() -> None:
    server = Server()
    before = time.time()
    with EpochSender(server.log, "the server") as to_server:
        for number in range(1, 6):
            to_server.put(epoch(number))
    assert server.taken == [1, 2, 3, 4, 5]
    assert all(1000 * before - 1 <= moment <= 1000 * time.time() + 1 for moment in server.moments)
    assert server.moments == sorted(server.moments)
    assert to_server.left == 0


def test_a_server_that_goes_away_and_comes_back_gets_all_and_is_mentioned_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = Server(lambda: None, refuse, refuse, refuse, lambda: None)
    with EpochSender(server.log, "the server") as to_server:
        for number in range(1, 6):
            to_server.put(epoch(number))
    assert server.taken == [1, 2, 3, 4, 5]
    assert capsys.readouterr().err.splitlines() == [
        "the server does not take epoch 2 (refused); it is sent again later",
        "the server is back",
    ]


def test_nobody_waits_for_a_slow_server() -> None:
    slow = threading.Event()
    server = Server(lambda: slow.wait(30))
    with EpochSender(server.log, "the server") as to_server:
        for number in range(1, 4):
            to_server.put(epoch(number))
        assert server.taken == []  # the first is still on its way
        assert to_server.left == 3
        slow.set()
    assert server.taken == [1, 2, 3]


def test_at_the_end_the_wait_is_bounded_and_what_is_left_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LAST_WAIT", 0.2)
    server = Server(lambda: None, *[refuse] * 10_000)
    with EpochSender(server.log, "the server") as to_server:
        for number in range(1, 4):
            to_server.put(epoch(number))
    assert server.taken == [1]
    assert to_server.left == 2


def test_after_an_error_nothing_more_is_sent() -> None:
    on_its_way, answer = threading.Event(), threading.Event()

    def hang() -> None:
        on_its_way.set()
        answer.wait(30)

    server = Server(hang)
    with pytest.raises(RuntimeError), EpochSender(server.log, "the server") as to_server:  # noqa: PT012
        to_server.put(epoch(1))
        to_server.put(epoch(2))
        on_its_way.wait(30)
        threading.Timer(0.2, answer.set).start()
        raise RuntimeError
    assert server.taken == [1]
