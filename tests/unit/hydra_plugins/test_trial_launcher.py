"""What the launchers for Slurm and Ray have in common, with jobs that only pretend."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_joblib_launcher import _core  # type: ignore[import-untyped]
from omegaconf import OmegaConf

from digits.base import interrupts
from digits.base.errors import UserError
from digits.search.launching import launch_all
from hydra_plugins import _trial_launcher
from hydra_plugins._trial_launcher import JobDiedError, TrialLauncher, Work, run_trial

TRIALS = [["model=small", f"seed={seed}", "parent_run=1"] for seed in range(3)]


class Jobs:
    """Ends jobs as `script` says: what the jobs return that have ended at each look."""

    def __init__(self, script: Sequence[Mapping[int, Any] | BaseException]) -> None:
        self._script = list(script)
        self.calls: list[str] = []

    def ended(self) -> Mapping[int, Any]:
        step = self._script.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step

    def status(self) -> str:
        return f"{len(self._script)} to come"

    def cancel(self) -> None:
        self.calls.append("cancel")

    def close(self) -> None:
        self.calls.append("close")


class Launcher(TrialLauncher):
    def __init__(self, *script: Mapping[int, Any] | BaseException, interrupted: bool = False) -> None:
        self.jobs, self._interrupted = Jobs(script), interrupted

    def check(self) -> None:
        pass

    def submit(self, work: Sequence[Work], logs: Path) -> Jobs:
        assert logs.is_dir()
        assert len(work) == len(TRIALS)
        if self._interrupted:
            os.kill(os.getpid(), signal.SIGINT)
        return self.jobs


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait for nothing, and leave signals as they are."""
    monkeypatch.setattr(_trial_launcher, "PAUSE", 0)
    monkeypatch.setattr(interrupts, "_interrupted", False)
    monkeypatch.setattr(interrupts, "_raised_at", interrupts._raised_at)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCONT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def launch(launcher: Launcher, folder: Path) -> list[Any]:
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(folder)}}})
    launcher.setup(hydra_context=None, task_function=None, config=config)
    return launcher.launch(TRIALS, initial_job_idx=0)


def finished(value: object) -> JobReturn:
    return JobReturn(status=JobStatus.COMPLETED, _return_value=value)


def test_results_are_in_the_order_of_the_trials_and_a_dead_job_is_one_failed_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = JobDiedError("no\nmemory")
    launcher = Launcher({2: finished("c")}, {}, {0: finished("a"), 1: error})
    returns = launch(launcher, tmp_path)
    assert [each.status for each in returns] == [
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.COMPLETED,
    ]
    assert [each._return_value for each in returns] == ["a", error, "c"]
    assert launcher.jobs.calls == ["close"]
    assert capsys.readouterr().out.splitlines() == [
        "seed=2: finished (1 of 3 trials have ended, 0 of them failed)",
        "2 to come",
        "1 to come",
        "seed=0: finished (2 of 3 trials have ended, 0 of them failed)",
        "seed=1: failed with JobDiedError: no memory (3 of 3 trials have ended, 1 of them failed)",
    ]


def test_a_sweep_takes_the_dead_job_for_a_failed_trial(tmp_path: Path) -> None:
    error = JobDiedError("killed")
    launcher = Launcher({0: finished(0), 1: error, 2: finished(0)})
    trials = [tuple(words) for words in TRIALS]
    assert launch_all(trials, lambda _: launch(launcher, tmp_path), set, set) == {trials[1]: error}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("no squeue")])
def test_what_ends_the_waiting_cancels_the_jobs(tmp_path: Path, error: BaseException) -> None:
    launcher = Launcher({0: finished("a")}, error)
    with pytest.raises(type(error)):
        launch(launcher, tmp_path)
    assert launcher.jobs.calls == ["cancel", "close"]


def test_an_interrupt_while_jobs_are_submitted_cancels_them(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.install()
    launcher = Launcher(interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        launch(launcher, tmp_path)
    assert launcher.jobs.calls == ["cancel", "close"]


def test_jobs_that_cannot_be_submitted_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UserError("no such partition")

    launcher = Launcher()
    monkeypatch.setattr(launcher, "submit", refuse)
    with pytest.raises(UserError, match="no such partition"):
        launch(launcher, tmp_path)
    assert launcher.jobs.calls == []


class TwoArgumentsError(Exception):
    """Cannot be unpickled, as many errors of libraries."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (ValueError("wrong"), "ValueError('wrong')"),
        (TwoArgumentsError("a", "b"), "RuntimeError('TwoArgumentsError: a and b')"),
    ],
)
def test_a_worker_sends_an_error_that_arrives_and_logs_the_traceback(
    error: Exception, sent: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = JobReturn(status=JobStatus.FAILED, _return_value=error)
    monkeypatch.setattr(_core, "execute_job", lambda *_: failed)
    arrived = pickle.loads(pickle.dumps(run_trial(0, ["seed=0"], None, None, None, None)))
    assert repr(arrived._return_value) == sent
    assert f"{type(error).__name__}: {error}" in capsys.readouterr().err


def test_a_worker_makes_signals_interrupts_whatever_it_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a background job of a shell
    signal.signal(signal.SIGTERM, lambda *_: None)  # as submitit and Ray do
    seen = []

    def execute(*_: object) -> JobReturn:
        interrupts.install()
        seen.extend([signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)])
        return finished(0)

    monkeypatch.setattr(_core, "execute_job", execute)
    run_trial(0, ["seed=0"], None, None, None, None)
    assert seen == [interrupts._interrupt] * 2
