"""The keys of runs."""

import time

import pytest

from digits.tracking.keys import new_key, seconds_since


def test_a_key_says_how_long_ago_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_key()
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 90_500_000_000)
    assert seconds_since(key) == 90
