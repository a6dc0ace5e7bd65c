"""Threads and workers."""

import os

import pytest

from digits.config.options import resolve_resources


@pytest.fixture(autouse=True)
def eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("threads", "launcher", "resolved"),
    [
        pytest.param("auto", {}, {"threads": 8, "workers": 1}, id="all processors for one worker"),
        pytest.param("auto", {"n_jobs": 2}, {"threads": 4, "workers": 2}, id="shared among workers"),
        pytest.param("auto", {"n_jobs": 3}, {"threads": 2, "workers": 3}, id="rounded down"),
        pytest.param("auto", {"n_jobs": 16}, {"threads": 1, "workers": 16}, id="at least one thread"),
        pytest.param("auto", {"n_jobs": -1}, {"threads": 1, "workers": 8}, id="a worker a processor"),
        pytest.param(3, {}, {"threads": 3, "workers": 1}, id="a given number"),
        pytest.param(3, {"n_jobs": 8}, {"threads": 3, "workers": 8}, id="a given number for each worker"),
        pytest.param("auto", {"cpus_per_task": 3}, {"threads": 3, "workers": 1}, id="granted by Slurm"),
        pytest.param("auto", {"cpus_per_task": 16}, {"threads": 16, "workers": 1}, id="on a larger machine"),
        pytest.param("auto", {"num_cpus": 2}, {"threads": 2, "workers": 1}, id="granted by Ray"),
        pytest.param(1, {"cpus_per_task": 4}, {"threads": 1, "workers": 1}, id="less than Slurm granted"),
    ],
)
def test_threads_and_workers(threads: object, launcher: dict[str, int], resolved: dict[str, int]) -> None:
    assert resolve_resources(threads, launcher) == resolved


def test_a_job_of_slurm_has_no_more_than_it_was_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert resolve_resources("auto", {}) == {"threads": 3, "workers": 1}
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "12")
    assert resolve_resources("auto", {}) == {"threads": 8, "workers": 1}


def test_without_affinity_all_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert resolve_resources("auto", {"n_jobs": 2}) == {"threads": 3, "workers": 2}
