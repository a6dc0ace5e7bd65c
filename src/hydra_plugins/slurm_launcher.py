"""Run the trials of a sweep as a job array of Slurm: see conf/hydra/launcher/slurm.yaml."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import pickle
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra_plugins._trial_launcher import JobDiedError, TrialLauncher, Work

SRC = Path(__file__).resolve().parents[1]
PROGRAMS = ("sbatch", "scancel", "squeue", "srun")
FORGOTTEN = "UNKNOWN"  # the state of a job that ended so long ago that Slurm does not know it any more
FINAL = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "TIMEOUT", FORGOTTEN),
}
GRACE = 10  # seconds in which the result of a job that has ended appears on a shared disk
PATIENCE = 120  # seconds in which cancelled jobs end; Slurm kills a job that takes 30


class SlurmLauncher(TrialLauncher):
    """Submits the trials with submitit. Its parameters are the keys of conf/hydra/launcher/slurm.yaml."""

    def __init__(self, setup: Sequence[str] | None, **parameters: Any) -> None:
        self._setup, self._parameters = list(setup or ()), parameters

    def check(self) -> None:
        from digits.base.errors import UserError

        if missing := [name for name in PROGRAMS if not shutil.which(name)]:
            raise UserError(f"hydra/launcher=slurm: this machine has no {', '.join(missing)}")
        if not importlib.util.find_spec("submitit"):
            raise UserError("hydra/launcher=slurm: submitit is not installed; `make team-setup` installs it")

    def submit(self, work: Sequence[Work], logs: Path) -> SlurmJobs:
        import submitit

        from digits.base.errors import UserError
        from digits.base.interrupts import terminal_signals_blocked
        from digits.base.paths import NAME

        executor = submitit.SlurmExecutor(logs)
        given = {key: value for key, value in self._parameters.items() if value is not None}
        # Submitit asks for a signal before the time limit, which ends a process that is only starting. The
        # one here does nothing: SIGTERM at the limit is early enough.
        given["additional_parameters"] = {"signal": "CONT@1"} | dict(given.get("additional_parameters", {}))
        executor.update_parameters(
            job_name=NAME,
            setup=[*self._setup, f"export PYTHONPATH={shlex.quote(str(SRC))}${{PYTHONPATH:+:$PYTHONPATH}}"],
            # since Slurm 22.05 srun does not take it from sbatch, and binds the trial to one processor
            srun_args=[f"--cpus-per-task={self._parameters['cpus_per_task']}"],
            stderr_to_stdout=True,
            wckey=None,
            **({"time": None} | executor._convert_parameters(given)),
        )
        try:
            # submitit prints the message as well
            with terminal_signals_blocked(), contextlib.redirect_stderr(io.StringIO()):
                jobs = executor.submit_array([_Trial(each) for each in work])
        except (RuntimeError, OSError) as error:
            lines = [line.removeprefix("sbatch: error: ") for line in str(error).splitlines()]
            raise UserError(f"hydra/launcher=slurm: sbatch: {'; '.join(lines)}") from error
        array = jobs[0].job_id.partition("_")[0]
        most = min(len(work), self._parameters["array_parallelism"])
        print(f"Slurm job {array}: {len(work)} trials, at most {most} at once, output in {logs}", flush=True)
        return SlurmJobs(array, jobs)


class _Trial:
    """A trial, as a process of submitit calls it."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self) -> Any:
        try:
            return self._work()
        except KeyboardInterrupt:
            sys.exit(130)


class SlurmJobs:
    """The jobs of an array, or one job. They are looked up with squeue: sacct, as submitit has it, works only
    with an accounting database."""

    def __init__(self, array: str, jobs: Sequence[Any]) -> None:
        self._array = array
        self._left = dict(enumerate(jobs))
        self._states: dict[str, str] = {}
        self._answers = True
        self._ended_at: dict[int, float] = {}  # when jobs were first seen to have ended without a result

    def ended(self) -> dict[int, Any]:
        self._look()  # before looking for results, since a job writes its result before it ends
        results = {index: self._result(index) for index in self._left}
        results = {index: result for index, result in results.items() if result is not None}
        for index in results:
            del self._left[index]
        return results

    def status(self) -> str:
        if not self._answers:
            return "Slurm does not answer"
        states = [self._state(job) for job in self._left.values()]
        shown = sorted({*states} - FINAL - {"COMPLETING"})
        return ", ".join(f"{states.count(state)} {state.lower()}" for state in shown)

    def cancel(self) -> None:
        from digits.base.interrupts import terminal_signals_blocked

        print(f"cancelling Slurm job {self._array}", file=sys.stderr, flush=True)
        end, cancelled = time.monotonic() + PATIENCE, False
        while not cancelled or not self._all_have_ended():
            if time.monotonic() > end:
                print(f"it has not ended; see squeue --jobs={self._array}", file=sys.stderr)
                break
            if not cancelled:
                with terminal_signals_blocked():
                    done = subprocess.run(["scancel", self._array], capture_output=True, check=False)
                cancelled = done.returncode == 0
            time.sleep(0.5)

    def close(self) -> None:
        pass

    def _look(self) -> None:
        """Ask Slurm for the states of the jobs. It forgets jobs that ended, some minutes later."""
        command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={self._array}"]
        done = subprocess.run([*command, "--format=%F %K %T"], capture_output=True, text=True, check=False)
        self._answers = done.returncode == 0 or "Invalid job id" in done.stderr
        if self._answers:
            self._states = {job: state for job, state in self._states.items() if state in FINAL}
            for line in done.stdout.splitlines():
                array, index, state = line.split()
                self._states[f"{array}_{index}" if index.isdecimal() else array] = state

    def _state(self, job: Any) -> str:
        return self._states.get(job.job_id, FORGOTTEN)

    def _all_have_ended(self) -> bool:
        self._look()
        return self._answers and all(self._state(job) in FINAL for job in self._left.values())

    def _result(self, index: int) -> Any:
        """Return what the job returned, a JobDiedError if it has ended without, or None."""
        job = self._left[index]
        if job.paths.result_pickle.exists():
            return _unpickled(job)
        if not self._answers or self._state(job) not in FINAL:
            self._ended_at.pop(index, None)  # Slurm starts a job again whose node was lost
            return None
        if time.monotonic() - self._ended_at.setdefault(index, time.monotonic()) < GRACE:
            return None
        return JobDiedError(f"job {job.job_id}: {self._state(job)}{_complaint(job)}; see {job.paths.stdout}")


def _complaint(job: Any) -> str:
    """Return what Slurm wrote to the job's output, such as that its memory or time was not enough."""
    try:
        output = job.paths.stdout.read_text(errors="replace")
    except OSError:
        return ""
    found = re.search(r"^slurmstepd\S*: error: (.*)", output, flags=re.MULTILINE)
    return f" ({found[1].strip('* ')})" if found else ""


def _unpickled(job: Any) -> Any:
    """Return what the job returned, or the error of the process that was to run the trial."""
    try:
        outcome, result = pickle.loads(job.paths.result_pickle.read_bytes())
    except Exception as error:
        return error
    if outcome == "success":
        return result
    last = str(result).strip().splitlines()[-1]
    return JobDiedError(f"job {job.job_id} could not run the trial: {last}; see {job.paths.stdout}")
