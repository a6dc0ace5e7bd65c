"""Run the trials of a sweep as jobs of a cluster: what the launchers for Slurm and Ray have in common.

The name begins with an underscore because Hydra executes each other module of this folder, also one that is
imported already. Its classes would then exist twice.
"""

from __future__ import annotations

import abc
import functools
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hydra.plugins.launcher import Launcher

PAUSE = 2  # seconds between two looks at the jobs
Work = Callable[[], Any]  # what a job does; it returns Hydra's JobReturn


class JobDiedError(Exception):
    """Say how a job ended that has no result, because it was killed for example."""


class Jobs(Protocol):
    """Jobs that were submitted, numbered from 0."""

    def ended(self) -> Mapping[int, Any]:
        """Return what the jobs returned that have ended since the last call, or their exceptions."""

    def status(self) -> str:
        """Return what the other jobs do, for people to read, or an empty string."""

    def cancel(self) -> None:
        """End all jobs, and wait until they have ended."""

    def close(self) -> None:
        """Free what is not needed any more, when all jobs have ended."""


class TrialLauncher(Launcher):  # type: ignore[misc]
    """Runs each trial in a job of its own. One that dies is one failed trial."""

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        self.config = config
        self._common = (hydra_context, config, task_function)
        self.check()

    @abc.abstractmethod
    def check(self) -> None:
        """Raise UserError if this machine cannot submit jobs."""

    @abc.abstractmethod
    def submit(self, work: Sequence[Work], logs: Path) -> Jobs:
        """Submit a job for each piece of work. What they print goes to files in `logs`."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        """Run the trials, and return a JobReturn for each. If this is interrupted or fails, all jobs are
        cancelled."""
        from hydra.core.singleton import Singleton

        from digits.base.interrupts import interrupts_held

        state = Singleton.get_state()
        work = [
            functools.partial(run_trial, initial_job_idx + index, tuple(words), *self._common, state)
            for index, words in enumerate(job_overrides)
        ]
        logs = Path(self.config.hydra.sweep.dir).absolute() / "jobs"
        logs.mkdir(parents=True, exist_ok=True)
        jobs: Jobs | None = None
        try:
            with interrupts_held():  # a job whose number is lost could not be cancelled
                jobs = self.submit(work, logs)
            return _wait(jobs, job_overrides)
        except BaseException:
            if jobs:
                jobs.cancel()
            raise
        finally:
            if jobs:
                jobs.close()


def run_trial(index: int, overrides: Sequence[str], *context: Any) -> Any:
    """Run a trial in this process, and return Hydra's JobReturn with an error that can be sent."""
    from hydra.core.utils import JobStatus
    from hydra_plugins.hydra_joblib_launcher._core import execute_job  # type: ignore[import-untyped]

    # What started the worker may ignore signals or handle them in its own way. As they are by default, the
    # command makes them interrupts, so that a trial that is cancelled ends in order.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGCONT):
        signal.signal(number, signal.SIG_DFL)
    job = execute_job(index, overrides, *context)
    if job.status == JobStatus.FAILED:
        error = job._return_value  # the property raises it
        traceback.print_exception(error)  # to the log of the job
        job.return_value = _sendable(error)
    return job


def _sendable(error: Exception) -> Exception:
    """Return the error, or one with the same message if it cannot be pickled: a constructor with other
    arguments than the message is enough for that."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _wait(jobs: Jobs, trials: Sequence[Sequence[str]]) -> list[Any]:
    """Return a JobReturn for each trial when all jobs have ended, and report progress until then."""
    from hydra.core.utils import JobReturn, JobStatus

    from digits.base.errors import message_of

    names = _names(trials)
    returns: dict[int, Any] = {}
    failed, shown = 0, ""
    while True:
        for index, result in jobs.ended().items():
            if isinstance(result, BaseException):
                returns[index] = JobReturn(overrides=trials[index], status=JobStatus.FAILED)
                returns[index].return_value = result
            else:
                returns[index] = result
            how = "finished"
            if returns[index].status == JobStatus.FAILED:
                failed += 1
                error = returns[index]._return_value
                how = f"failed with {type(error).__name__}: {message_of(error)[:300]}"
            count = f"{len(returns)} of {len(trials)} trials have ended, {failed} of them failed"
            print(f"{names[index]}: {how} ({count})", flush=True)
        if len(returns) == len(trials):
            return [returns[index] for index in range(len(trials))]
        if (status := jobs.status()) not in (shown, ""):
            print(status, flush=True)
            shown = status
        time.sleep(PAUSE)


def _names(trials: Sequence[Sequence[str]]) -> list[str]:
    """Return for each trial the overrides that not all have in common."""
    common = set.intersection(*map(set, trials)) if len(trials) > 1 else set()
    own = [[word for word in words if word not in common] for words in trials]
    of_sweep = ("parent_run=", "run_name=")
    return [" ".join(word for word in words if not word.startswith(of_sweep)) for words in own]
