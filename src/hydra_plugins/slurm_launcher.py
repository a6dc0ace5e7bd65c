"""Run the trials of a sweep as a job array of Slurm: see conf/hydra/launcher/slurm.yaml."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra_plugins._trial_launcher import JobDiedError, TrialLauncher, Work

SRC = Path(__file__).resolve().parents[1]
PROGRAMS = ("sbatch", "scancel", "squeue", "srun")
# of a job that ended; all others are of a job that waits, runs, or is about to do either again
FINAL = (
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "TIMEOUT", "UNKNOWN"),
)
GRACE = 10  # seconds until the result of a job that has ended must be seen on a shared disk
PATIENCE = 120  # seconds until cancelled jobs must have ended; Slurm kills those that take 30


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

        executor = submitit.SlurmExecutor(logs)
        given = {key: value for key, value in self._parameters.items() if value is not None}
        parameters = executor._convert_parameters(given)
        path = f"export PYTHONPATH={shlex.quote(str(SRC))}${{PYTHONPATH:+:$PYTHONPATH}}"
        executor.update_parameters(
            job_name="digits",
            setup=[*self._setup, path],
            # since 22.05 srun does not take it from sbatch, and binds the trial to one processor
            srun_args=[f"--cpus-per-task={self._parameters['cpus_per_task']}"],
            stderr_to_stdout=True,
            wckey=None,
            **({"time": None} | parameters),
        )
        try:
            # submitit prints the message too
            with terminal_signals_blocked(), contextlib.redirect_stderr(io.StringIO()):
                jobs = executor.submit_array([_Trial(each) for each in work])
        except (RuntimeError, OSError) as error:
            lines = [line.removeprefix("sbatch: error: ") for line in str(error).splitlines()]
            raise UserError(f"hydra/launcher=slurm: sbatch: {'; '.join(lines)}") from error
        found = SlurmJobs(jobs)
        most = min(len(work), self._parameters["array_parallelism"])
        print(f"Slurm job {found.array}: {len(work)} trials, at most {most} at once; their output: {logs}")
        return found


class _Trial:
    """A trial, as a process of submitit calls it."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self) -> Any:
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # submitit's notice before a time limit
        try:
            return self._work()
        except KeyboardInterrupt:
            sys.exit(130)


class SlurmJobs:
    """A job array, or a single job. Slurm is asked with squeue, since sacct works only with a database."""

    def __init__(self, jobs: Sequence[Any]) -> None:
        self.array = jobs[0].job_id.partition("_")[0]
        self._left = dict(enumerate(jobs))
        self._states: dict[str, str] = {}  # as last seen
        self._ended_at: dict[int, float] = {}

    def ended(self) -> dict[int, Any]:
        results = {}
        self._look()
        for index, job in self._left.items():
            if job.paths.result_pickle.exists():
                results[index] = _result(job)
            elif self._has_ended(job):
                since = self._ended_at.setdefault(index, time.monotonic())
                if time.monotonic() - since > GRACE:
                    state = self._states.get(job.job_id, "UNKNOWN")
                    results[index] = JobDiedError(
                        f"job {job.job_id} has no result; its state is {state}, its output {job.paths.stdout}"
                    )
            else:
                self._ended_at.pop(index, None)  # requeued after its node was lost
        for index in results:
            del self._left[index]
        return results

    def status(self) -> str:
        states = [self._states.get(job.job_id, "UNKNOWN") for job in self._left.values()]
        shown = sorted({*states} - {*FINAL})
        return ", ".join(f"{states.count(state)} {state.lower()}" for state in shown)

    def cancel(self) -> None:
        from digits.base.interrupts import terminal_signals_blocked

        print(f"cancelling Slurm job {self.array}", file=sys.stderr, flush=True)
        end = time.monotonic() + PATIENCE
        cancelled = False
        while not self._all_have_ended():
            if time.monotonic() > end:
                print(f"it has not ended; see squeue --jobs={self.array}", file=sys.stderr)
                break
            if not cancelled:
                with terminal_signals_blocked():
                    done = subprocess.run(["scancel", self.array], check=False)
                cancelled = done.returncode == 0
            time.sleep(0.5)

    def close(self) -> None:
        pass

    def _all_have_ended(self) -> bool:
        return self._look() and all(map(self._has_ended, self._left.values()))

    def _has_ended(self, job: Any) -> bool:
        return self._states.get(job.job_id, "UNKNOWN") in FINAL

    def _look(self) -> bool:
        """Ask for the states of the jobs, and return whether Slurm has answered."""
        command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={self.array}"]
        done = subprocess.run([*command, "--format=%F %K %T"], capture_output=True, text=True, check=False)
        if done.returncode and "Invalid job id" not in done.stderr:
            return False
        known = {}
        for line in done.stdout.splitlines():
            array, index, state = line.split()
            known[f"{array}_{index}" if index.isdecimal() else array] = state
        # what Slurm has forgotten has ended; how, is what was seen last, if that was an end
        self._states = {job: state for job, state in self._states.items() if state in FINAL} | known
        return True


def _result(job: Any) -> Any:
    """Return what the job returned, or the error of the process that would have run it."""
    import submitit.core.utils

    try:
        outcome, result = submitit.core.utils.pickle_load(job.paths.result_pickle)
    except Exception as error:
        return error
    if outcome == "success":
        return result
    last = str(result).strip().splitlines()[-1]
    return JobDiedError(f"job {job.job_id} could not start: {last}; its output is in {job.paths.stdout}")
