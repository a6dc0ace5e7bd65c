"""Threads and workers."""

import os

import pytest

from digits.config.options import resolve_resources


@pytest.fixture(autouse=True)
def eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("threads", "workers", "resolved"),
    [
        pytest.param("auto", 1, {"threads": 8, "workers": 1}, id="all processors for one worker"),
        pytest.param("auto", 2, {"threads": 4, "workers": 2}, id="shared among workers"),
        pytest.param("auto", 3, {"threads": 2, "workers": 3}, id="rounded down"),
        pytest.param("auto", 16, {"threads": 1, "workers": 16}, id="at least one thread"),
        pytest.param("auto", -1, {"threads": 1, "workers": 8}, id="n_jobs=-1: a worker a processor"),
        pytest.param(3, 1, {"threads": 3, "workers": 1}, id="a given number"),
        pytest.param(3, 8, {"threads": 3, "workers": 8}, id="a given number for each worker"),
    ],
)
def test_threads_and_workers(threads: object, workers: int, resolved: dict[str, int]) -> None:
    assert resolve_resources(threads, workers) == resolved


def test_without_affinity_all_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert resolve_resources("auto", 2) == {"threads": 3, "workers": 2}
