"""Sweeps over several processes: trials at once, a sweep that is resumed, and the winner repeated."""

import json
import os
import re
import signal

import pytest
from mlflow.entities import Run

from project import Project, read_until, stages_run
from sweeps import Sweep, sweep_runs

SWEEP = ("python", "src/experiment.py", "-m")


def models(trials: list[Run]) -> dict[str, str]:
    """Return the digest of the model that was trained with each dropout."""
    return {run.data.params["model.dropout"]: run.data.tags["model_md5"] for run in trials}


def test_trials_at_once_share_the_threads_and_are_children_of_the_sweep(swept: Sweep) -> None:
    parent, trials = sweep_runs(swept.project)
    assert parent.info.status == "FINISHED"
    assert {run.data.params["model.dropout"] for run in trials} == {"0.1", "0.5"}
    for run in trials:
        assert run.info.status == "FINISHED"
        assert "test_accuracy" in run.data.metrics
        assert run.data.tags["threads"] == "1"
        assert run.data.tags["workers"] == str(len(os.sched_getaffinity(0)))
    first, second = trials
    assert second.info.start_time < first.info.end_time


def test_the_printed_ranking_and_command_are_of_the_best_trial(swept: Sweep) -> None:
    parent, trials = sweep_runs(swept.project)
    best = swept.best_trial()
    score = max(run.data.metrics["val_accuracy"] for run in trials)
    assert best.data.metrics["val_accuracy"] == score
    assert parent.data.metrics["best_val_accuracy"] == score
    first_row = next(line for line in swept.output.splitlines() if re.match(r" *1 ", line))
    assert f" {best.data.params['model.dropout']} " in first_row
    assert swept.command() in parent.data.tags["mlflow.note.content"]
    assert swept.project.artifacts(parent) == {"ranking.csv", "ranking.md", "ranking.png"}


def test_the_printed_command_repeats_the_winner_in_a_copy_of_the_project(
    swept: Sweep, finished_copy: Project
) -> None:
    command = swept.command()
    assert command.startswith("dvc exp run --temp ")
    assert "overrides=" in command
    assert stages_run(finished_copy.run("sh", "-c", command)) == ["train", "evaluate"]
    (run,) = finished_copy.runs()
    best = swept.best_trial()
    assert run.data.params == best.data.params
    assert run.data.tags["model_md5"] == best.data.tags["model_md5"]
    assert run.data.metrics["test_loss"] == best.data.metrics["test_loss"]
    assert run.info.artifact_uri.startswith((finished_copy.root / "mlruns").as_uri())
    assert finished_copy.changes() == ""
    name = run.data.tags["dvc_experiment"]
    compared = finished_copy.run("dvc", "metrics", "diff", "--json", "HEAD", name)
    change = json.loads(compared)["reports/metrics.json"]["test_accuracy"]
    assert change["new"] == best.data.metrics["test_accuracy"]


def test_a_stopped_sweep_goes_on_where_it_was_with_any_number_of_threads(
    swept: Sweep, project: Project
) -> None:
    with project.started(*SWEEP, *swept.words, "threads=2") as first:
        read_until(first, "test accuracy", "epoch 1/4")
        os.kill(first.pid, signal.SIGTERM)
        first.communicate()
    assert first.returncode == 130
    parent, trials = sweep_runs(project)
    assert parent.info.status == "KILLED"
    assert [run.info.status for run in trials] == ["FINISHED", "KILLED"]

    output = project.run(*SWEEP, *swept.words, "threads=3", "resume=true")
    assert "1 of 2 trials are finished already" in output
    resumed, trials = sweep_runs(project)
    assert resumed.info.run_id == parent.info.run_id
    assert resumed.info.status == "FINISHED"
    known = [run for run in trials if "loss" in run.data.metrics]  # one can be killed before its first epoch
    assert [run.info.status for run in known] == ["FINISHED", "FINISHED"]
    assert [run.data.tags["threads"] for run in known] == ["2", "3"]
    assert models(known) == models(sweep_runs(swept.project)[1])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["seed=0,1", "epochs=1,0"], "epochs: input should be greater than 0 or auto, not 0"),
        (["seed=0,1", "validation=0.1,0.2"], "validation: asked for 0.2, but "),
    ],
)
def test_a_wrong_trial_is_refused_in_one_line_before_any_starts(
    finished: Project, words: list[str], complaint: str
) -> None:
    output = finished.run(*SWEEP, *words, code=1)
    assert output.startswith(f"error: {complaint}")
    assert output.count("\n") == 1
    assert len(finished.runs()) == 1
