"""What is made of the answers of Slurm, which a stand-in for squeue gives."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
from pathlib import Path
from typing import Any

import pytest

from digits.base.errors import UserError
from hydra_plugins import slurm_launcher
from hydra_plugins.slurm_launcher import SlurmJobs, SlurmLauncher

FORGOTTEN = (1, "", "slurm_load_jobs error: Invalid job id specified\n")
AWAY = (1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")


@dataclasses.dataclass
class Paths:
    result_pickle: Path
    stdout: Path


class Job:
    def __init__(self, job_id: str, folder: Path) -> None:
        self.job_id = job_id
        self.paths = Paths(folder / f"{job_id}.pkl", folder / f"{job_id}.out")


class Cluster:
    """Answers for Slurm's commands, and for the clock."""

    def __init__(self) -> None:
        self.answer: tuple[int, str, str] = (0, "", "")
        self.commands: list[list[str]] = []
        self.now = 0.0

    def run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        return subprocess.CompletedProcess(command, *self.answer)

    def states(self, *states: str) -> None:
        lines = [f"7 {index} {state}\n" for index, state in enumerate(states)]
        self.answer = (0, "".join(lines), "")

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    fake = Cluster()
    monkeypatch.setattr("subprocess.run", fake.run)
    monkeypatch.setattr(slurm_launcher, "time", fake)
    return fake


@pytest.fixture
def jobs(tmp_path: Path) -> SlurmJobs:
    return SlurmJobs("7", [Job("7_0", tmp_path), Job("7_1", tmp_path)])


def test_the_array_is_looked_up_at_once(cluster: Cluster, jobs: SlurmJobs) -> None:
    cluster.states("RUNNING", "PENDING")
    assert jobs.ended() == {}
    assert len(cluster.commands) == 1
    assert jobs.status() == "1 pending, 1 running"


def test_a_result_counts_whatever_slurm_says(cluster: Cluster, jobs: SlurmJobs, tmp_path: Path) -> None:
    (tmp_path / "7_0.pkl").write_bytes(pickle.dumps(("success", "result")))
    cluster.answer = AWAY
    assert jobs.ended() == {0: "result"}


def test_a_process_that_could_not_run_the_trial_says_why(
    cluster: Cluster, jobs: SlurmJobs, tmp_path: Path
) -> None:
    outcome = ("error", "Traceback:\n  ...\nModuleNotFoundError: No module named 'digits'\n")
    (tmp_path / "7_1.pkl").write_bytes(pickle.dumps(outcome))
    cluster.states("RUNNING", "FAILED")
    assert {index: str(error) for index, error in jobs.ended().items()} == {
        1: "job 7_1 could not run the trial: ModuleNotFoundError: No module named 'digits'; "
        f"see {tmp_path}/7_1.out"
    }


@pytest.mark.parametrize("state", ["OUT_OF_MEMORY", "CANCELLED", "COMPLETED"])
def test_an_ended_job_has_some_time_until_its_result_is_seen(
    state: str, cluster: Cluster, jobs: SlurmJobs, tmp_path: Path
) -> None:
    (tmp_path / "7_1.out").write_text("epoch 1\nslurmstepd-a: error: *** STEP 7.0 ON a CANCELLED ***\n")
    cluster.states("RUNNING", state)
    assert jobs.ended() == {}
    cluster.answer = FORGOTTEN if state == "CANCELLED" else cluster.answer
    cluster.now += slurm_launcher.GRACE + 1
    ended = jobs.ended()
    assert str(ended[1]) == f"job 7_1: {state} (STEP 7.0 ON a CANCELLED); see {tmp_path}/7_1.out"
    assert len(ended) == 1


def test_a_job_that_slurm_forgot_has_died(cluster: Cluster, jobs: SlurmJobs, tmp_path: Path) -> None:
    cluster.states("RUNNING", "RUNNING")
    jobs.ended()
    cluster.answer = FORGOTTEN
    jobs.ended()
    cluster.now += slurm_launcher.GRACE + 1
    assert [str(each) for each in jobs.ended().values()] == [
        f"job 7_{index}: UNKNOWN; see {tmp_path}/7_{index}.out" for index in (0, 1)
    ]


def test_no_job_has_died_because_slurm_does_not_answer(cluster: Cluster, jobs: SlurmJobs) -> None:
    cluster.answer = AWAY
    for _ in range(3):
        assert jobs.ended() == {}
        cluster.now += slurm_launcher.GRACE + 1
    assert jobs.status() == "Slurm does not answer"


def test_a_job_that_slurm_starts_again_after_a_lost_node_goes_on(cluster: Cluster, jobs: SlurmJobs) -> None:
    cluster.states("NODE_FAIL", "RUNNING")
    jobs.ended()
    cluster.states("PENDING", "RUNNING")
    cluster.now += slurm_launcher.GRACE + 1
    assert jobs.ended() == {}
    cluster.states("NODE_FAIL", "RUNNING")
    assert jobs.ended() == {}


def test_cancelled_jobs_are_waited_for_but_not_for_ever(
    cluster: Cluster, jobs: SlurmJobs, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.states("COMPLETING", "CANCELLED")
    jobs.cancel()
    assert cluster.now > slurm_launcher.PATIENCE
    assert cluster.commands.count(["scancel", "7"]) == 1
    assert capsys.readouterr().err == "cancelling Slurm job 7\nit has not ended; see squeue --jobs=7\n"

    cluster.states("CANCELLED", "CANCELLED")
    before = cluster.now
    jobs.cancel()
    assert cluster.now - before < slurm_launcher.PATIENCE
    assert "has not ended" not in capsys.readouterr().err


def test_without_submitit_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", str)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="submitit is not installed; `make team-setup` installs it"):
        SlurmLauncher(setup=None).check()
