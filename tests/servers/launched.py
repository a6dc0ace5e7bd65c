"""A sweep that a cluster runs, watched and disturbed from outside."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mlflow.entities import Run

from project import LONGEST, Project, read_until
from sweeps import sweep_runs

SWEEP = ("python", "src/experiment.py", "-m", "model=small")


def wait_until(condition: Callable[[], object]) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


class Launched:
    """A sweep that runs. Its trials are told apart by their seeds."""

    def __init__(self, project: Project, process: subprocess.Popen[str], logs: Path) -> None:
        self.project, self.process, self._logs = project, process, logs

    def output_of_trial(self, pattern: str) -> str:
        """Return what a trial has printed so far, to the file whose name matches the pattern."""
        return "".join(file.read_text() for file in self._logs.glob(pattern))

    def wait_for_epoch(self, pattern: str) -> None:
        """Return when the trial has finished its second epoch, so that it has a checkpoint."""
        wait_until(lambda: "epoch 2/" in self.output_of_trial(pattern))

    def kill(self, seed: int) -> None:
        """Kill the process of a trial, as the system does when memory is short."""
        (run,) = self.project.runs(f"params.seed = '{seed}'")
        os.kill(int(run.data.tags["process"]), signal.SIGKILL)

    def interrupt(self) -> str:
        """End the sweep with SIGTERM, and return what it printed."""
        os.kill(self.process.pid, signal.SIGTERM)
        return self.end(130)

    def end(self, code: int) -> str:
        """Return what the sweep prints until it ends. Its exit code must be `code`."""
        output, _ = self.process.communicate()
        assert self.process.returncode == code, output
        return output


@contextlib.contextmanager
def launched(project: Project, *words: str, environment: Mapping[str, str]) -> Iterator[Launched]:
    """Start a sweep, and wait until its trials have been submitted."""
    with project.started(*SWEEP, *words, environment=environment) as process:
        found = re.search(r"output in (.*)", read_until(process, "output in "))
        assert found
        yield Launched(project, process, Path(found[1]))


def by_seed(project: Project) -> dict[str, Run]:
    """Return the trials of the project's only sweep that have a record, each once."""
    _, trials = sweep_runs(project)
    found = {run.data.params["seed"]: run for run in trials}
    assert len(found) == len(trials)
    return found


def statuses(project: Project) -> dict[str, str]:
    """Return how each trial of the project's only sweep ended, by its seed."""
    return {seed: run.info.status for seed, run in sorted(by_seed(project).items())}


def failures(output: str) -> str:
    """Return the last line, which must be the only one that says which trials failed."""
    *_, last = output.strip().splitlines()
    assert last.startswith("error: ")
    assert output.count("error: ") - output.count("slurmstepd: error: ") == 1
    return last
