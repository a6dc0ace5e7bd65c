"""Trials go on although their workers are killed."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import BrokenExecutor
from enum import Enum

import pytest

from digits.search.launching import RETRIES, Overrides, launch_all

Status = Enum("Status", "COMPLETED FAILED")


@dataclasses.dataclass
class Job:
    status: Status
    _return_value: object = None


class Workers:
    """Runs trials two at a time. `fatal` says how often a trial kills its worker, which ends both."""

    def __init__(self, fatal: dict[str, int], failing: Collection[str] = ()) -> None:
        self.fatal, self.failing = Counter(fatal), failing
        self.done: list[Overrides] = []
        self.started: Counter[str] = Counter()
        self._running: set[Overrides] = set()

    def launch(self, trials: Sequence[Overrides]) -> list[Job]:
        jobs = []
        for first in range(0, len(trials), 2):
            pair = trials[first : first + 2]
            self.started.update(name for (name,) in pair)
            for (name,) in pair:
                if self.fatal[name]:
                    self.fatal[name] -= 1
                    self._running = set(pair)
                    raise BrokenExecutor("a worker was killed")
            for words in pair:
                failed = words[0] in self.failing
                jobs.append(Job(Status.FAILED, ValueError(words[0])) if failed else Job(Status.COMPLETED))
                if not failed:
                    self.done.append(words)
        return jobs

    def stopped(self) -> set[Overrides]:
        running, self._running = self._running, set()
        return running

    def run(self, names: str) -> dict[Overrides, BaseException]:
        return launch_all([(name,) for name in names], self.launch, self.stopped, lambda: self.done)


def test_without_an_accident_all_are_launched_once() -> None:
    workers = Workers({}, failing="c")
    errors = workers.run("abcd")
    assert {words: str(error) for words, error in errors.items()} == {("c",): "c"}
    assert workers.done == [("a",), ("b",), ("d",)]
    assert set(workers.started.values()) == {1}


@pytest.mark.parametrize("deaths", range(1, RETRIES + 2))
def test_a_trial_whose_worker_is_killed_is_started_again_and_the_others_go_on(deaths: int) -> None:
    workers = Workers({"c": deaths})
    assert workers.run("abcdef") == {}
    assert sorted(workers.done) == [(name,) for name in "abcdef"]
    assert workers.started["c"] == deaths + 1
    assert workers.started["a"] == workers.started["b"] == workers.started["f"] == 1
    assert workers.started["d"] <= 2  # it ran beside c once


def test_a_trial_that_always_kills_its_worker_fails_after_some_retries_and_harms_no_other() -> None:
    workers = Workers({"c": 1000})
    ((words, error),) = workers.run("abcdef").items()
    assert words == ("c",)
    assert isinstance(error, BrokenExecutor)
    assert sorted(workers.done) == [(name,) for name in "abdef"]
    assert workers.started["c"] == RETRIES + 2  # beside another one, and then alone


def test_if_nothing_is_known_to_have_run_all_are_started_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers({"a": 2, "b": 1})
    monkeypatch.setattr(workers, "stopped", set)
    assert workers.run("abc") == {}
    assert sorted(workers.done) == [("a",), ("b",), ("c",)]
