"""Commands that run at the same time in one project: each waits, says who is in the way, or runs apart."""

import contextlib

from project import Project, read_until, stages_run


def test_a_second_dvc_repro_is_refused_or_waits_and_harms_nothing(project: Project) -> None:
    project.edit("params.yaml", "epochs: 1", "epochs: 12")
    with project.started("dvc", "repro") as first:
        read_until(first, "epoch 1/12")
        with project.started("dvc", "repro") as second:
            refusal, _ = second.communicate()
        output, _ = first.communicate()
    assert first.returncode == 0, output
    assert second.returncode == 0 or "lock" in refusal.lower()
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
    assert project.stale_stages() == []


def test_a_sweep_beside_dvc_repro_runs_apart(project: Project) -> None:
    project.edit("params.yaml", "epochs: 1", "epochs: 8")
    sweep = ("python", "src/experiment.py", "-m", "model=small", "seed=0,1")
    with project.started("dvc", "repro") as repro, project.started(*sweep) as other:
        for process in (repro, other):
            output, _ = process.communicate()
            assert process.returncode == 0, output
    assert [run.info.status for run in project.runs("params.model = 'small'")] == ["FINISHED"] * 2
    assert project.stale_stages() == []
    assert {step for step, _ in project.points(project.runs("params.model != 'small'")[0], "loss")} == {
        *range(1, 9)
    }


def test_the_same_sweep_twice_runs_apart(project: Project) -> None:
    sweep = ("python", "src/experiment.py", "-m", "model=small", "seed=0,1", "epochs=3")
    with project.started(*sweep) as first, project.started(*sweep) as second:
        outputs = [process.communicate()[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    parents = {run.data.tags["sweep"] for run in project.runs("tags.sweep != ''")}
    assert len(parents) == 2
    for parent in parents:
        trials = project.runs(f"tags.sweep = '{parent}'")
        assert [trial.info.status for trial in trials] == ["FINISHED"] * 2


def test_the_same_experiment_twice_waits(project: Project) -> None:
    experiment = ("python", "src/experiment.py", "model=small", "epochs=6")
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(project.started(*experiment)) for _ in range(2)]
        outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sum("another process trains the same; waiting until it ends" in output for output in outputs) == 1
    first, second = project.runs()
    assert (first.info.status, second.info.status) == ("FINISHED", "FINISHED")
    assert first.data.tags["model_md5"] == second.data.tags["model_md5"]
    assert second.data.metrics["test_loss"] == first.data.metrics["test_loss"]


def test_make_run_twice_at_once_ends_twice(project: Project) -> None:
    with project.started("make", "run") as first, project.started("make", "run") as second:
        outputs = [process.communicate()[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    assert all("test accuracy" in output for output in outputs)
    assert {*map(tuple, map(stages_run, outputs))} <= {("train", "evaluate"), ()}
    assert project.changes() == ""
