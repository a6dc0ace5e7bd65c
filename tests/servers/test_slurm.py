"""Sweeps on Slurm. Debian's slurm-wlm must be installed, and the tests be run by root."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import Project
from servers.launched import SWEEP, by_seed, failures, launched, statuses
from servers.slurm import Slurm, started_slurm
from sweeps import sweep_runs

ON_SLURM = "hydra/launcher=slurm"
SECRET = "not-to-be-stored"


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """A cluster that binds a job to the processors that it was granted."""
    with started_slurm("task/affinity") as cluster:
        yield cluster


@pytest.mark.parametrize("task_plugin", ["task/affinity", "task/none"])
def test_trials_are_tasks_of_one_array_with_the_threads_that_slurm_grants(
    task_plugin: str, project: Project
) -> None:
    words = (ON_SLURM, "hydra.launcher.array_parallelism=2", "epochs=1", "seed=range(4)")
    with started_slurm(task_plugin) as cluster:
        environment = cluster.environment | {"MLFLOW_TRACKING_PASSWORD": SECRET}
        output = project.run(*SWEEP, *words, environment=environment)
        assert cluster.queue() == {}
    assert "Slurm job 1: 4 trials, at most 2 at once" in output
    assert "(4 of 4 trials have ended, 0 of them failed)" in output
    assert "best by validation accuracy" in output
    parent, trials = sweep_runs(project)
    assert parent.info.status == "FINISHED"
    assert statuses(project) == dict.fromkeys("0123", "FINISHED")
    assert {run.data.tags["threads"] for run in trials} == {"1"}
    assert {run.data.tags["sweep"] for run in trials} == {parent.info.run_id}
    scripts = list((project.root / "outputs").rglob("*_submission.sh"))
    assert [script.name for script in scripts] == ["1_submission.sh"]
    written = [file for file in (project.root / "outputs").rglob("*") if file.is_file()]
    assert not [file for file in written if SECRET.encode() in file.read_bytes()]


def test_a_job_that_dies_is_one_failed_trial_and_is_resumed_with_other_resources(
    project: Project, slurm: Slurm
) -> None:
    words = (ON_SLURM, "hydra.launcher.array_parallelism=1", "epochs=20", "seed=0,1,2")
    with launched(project, *words, environment=slurm.environment) as sweep:
        sweep.wait_for_epoch("*_0_0_log.out")
        sweep.kill(seed=0)
        sweep.wait_for_epoch("*_1_0_log.out")
        (job,) = (job for job, state in slurm.queue().items() if state == "RUNNING")
        slurm.run("scancel", job)
        output = sweep.end(1)
    assert "seed=0: failed with JobDiedError: job " in output
    assert "seed=1: failed with JobDiedError: job " in output
    assert f"{job}: CANCELLED (" in output
    assert "seed=2: finished" in output
    assert "best by validation accuracy" in output
    complaint = failures(output)
    assert complaint.startswith("error: 2 of 3 trials failed; the first, model=small epochs=20 seed=0, with ")
    assert "_0: FAILED; see /" in complaint
    assert complaint.endswith("_0_0_log.out; resume=true runs them again")
    before = by_seed(project)
    assert statuses(project) == {"0": "KILLED", "1": "KILLED", "2": "FINISHED"}
    ends = [before[seed].info.end_time for seed in "12"]
    assert ends[0] <= before["2"].info.start_time  # one at a time

    resources = ("hydra.launcher.cpus_per_task=2", "resume=true")
    with launched(project, *words, *resources, environment=slurm.environment) as sweep:
        output = sweep.end(0)
        assert "1 of 3 trials are finished already" not in output  # that came first
        for index in (0, 1):
            assert "goes on after epoch" in sweep.output_of_trial(f"*_{index}_0_log.out")
    after = by_seed(project)
    assert statuses(project) == dict.fromkeys("012", "FINISHED")
    assert {run.info.run_id for run in after.values()} == {run.info.run_id for run in before.values()}
    assert [after[seed].data.tags["threads"] for seed in "012"] == ["2", "2", "1"]


def test_an_interrupted_sweep_leaves_no_job_and_no_run_that_goes_on(project: Project, slurm: Slurm) -> None:
    words = (ON_SLURM, "epochs=500", "seed=0,1,2")
    with launched(project, *words, environment=slurm.environment) as sweep:
        for index in (0, 1):
            sweep.wait_for_epoch(f"*_{index}_0_log.out")
        output = sweep.interrupt()
        assert slurm.queue() == {}
    assert "cancelling Slurm job " in output
    parent, _ = sweep_runs(project)
    assert parent.info.status == "KILLED"
    assert statuses(project) == {"0": "KILLED", "1": "KILLED"}  # the third had no processor yet
    for run in by_seed(project).values():
        assert run.info.end_time <= parent.info.end_time


def test_a_trial_that_exceeds_its_memory_fails_and_says_so(project: Project, slurm: Slurm) -> None:
    more = ("hydra.launcher.additional_parameters={comment:small}", "hydra.launcher.setup=[echo started]")
    words = (ON_SLURM, "hydra.launcher.mem_gb=0.2", *more, "epochs=1", "seed=0")
    output = project.run(*SWEEP, *words, code=1, environment=slurm.environment)
    complaint = failures(output)
    assert complaint.startswith("error: 1 of 1 trials failed; the first, model=small epochs=1 seed=0, with ")
    assert "exceeded memory limit" in complaint
    (script,) = (project.root / "outputs").rglob("*_submission.sh")
    assert "#SBATCH --comment=small\n" in script.read_text()
    (log,) = (project.root / "outputs").rglob("*_log.out")
    assert log.read_text().startswith("started\n")


def test_what_sbatch_refuses_is_one_line(project: Project, slurm: Slurm) -> None:
    words = (ON_SLURM, "hydra.launcher.partition=nope", "seed=0,1")
    output = project.run(*SWEEP, *words, code=1, environment=slurm.environment)
    assert output == (
        "error: hydra/launcher=slurm: sbatch: invalid partition specified: nope; "
        "Batch job submission failed: Invalid partition name specified\n"
    )
    assert slurm.queue() == {}


def test_a_machine_without_slurm_is_one_line_before_anything_is_recorded(project: Project) -> None:
    only_python = {"PATH": str(Path(sys.executable).parent)}
    output = project.run(*SWEEP, ON_SLURM, "seed=0,1", code=1, environment=only_python)
    assert output == "error: hydra/launcher=slurm: this machine has no sbatch, scancel, squeue, srun\n"
    assert project.runs() == []
