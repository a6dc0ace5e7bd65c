"""Sweeps from the command line, on the 5,000 real digits. The tests share one store."""

import os
import re
import signal
import subprocess

import mlflow
import pytest

from conftest import Project
from test_pipeline import runs

EXPERIMENT = ("python", "src/experiment.py", "-m")


@pytest.fixture(scope="module", autouse=True)
def prepared(project: Project) -> None:
    project.run("dvc", "repro", "preprocess")


def parents(project: Project) -> list[mlflow.entities.Run]:
    return [run for run in runs(project) if "sweep_words" in run.data.tags]


def trials(project: Project, parent: mlflow.entities.Run) -> list[mlflow.entities.Run]:
    return runs(project, f"tags.mlflow.parentRunId = '{parent.info.run_id}'")


def test_a_sweep_is_a_parent_with_a_child_for_each_trial_and_a_summary(project: Project) -> None:
    output = project.run(*EXPERIMENT, "model=tutorial,compact", "seed=0,1")
    (parent,) = parents(project)
    children = trials(project, parent)
    assert parent.info.status == "FINISHED"
    assert {(c.data.params["model"], c.data.params["seed"]) for c in children} == {
        (model, seed) for model in ("tutorial", "compact") for seed in ("0", "1")
    }
    assert all("test_accuracy" in child.data.metrics for child in children)
    means = {
        model: sum(c.data.metrics["val_accuracy"] for c in children if c.data.params["model"] == model) / 2
        for model in ("tutorial", "compact")
    }
    best = max(means, key=lambda model: means[model])
    first_row = next(line for line in output.splitlines() if re.match(r" *1 ", line))
    assert f" {best} " in first_row
    assert f"{means[best]:.4f}" in first_row
    assert parent.data.metrics["best_val_accuracy"] == pytest.approx(means[best])
    assert f"dvc exp run -S data=sample -S model={best} -S recipe=onecycle -S seed=0" in output
    assert f"| 1 | {best} | 2 |" in parent.data.tags["mlflow.note.content"]
    kept = {file.path for file in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
    assert kept == {"ranking.csv", "ranking.md", "ranking.png"}


def test_the_printed_command_repeats_the_winner(project: Project) -> None:
    (parent,) = parents(project)
    note = parent.data.tags["mlflow.note.content"]
    command = re.search(r"dvc exp run .*", note)
    assert command
    project.run("sh", "-c", f"{command[0]} --temp --name winner")
    (repeated,) = runs(project, "tags.dvc_experiment = 'winner'")
    same = [t for t in trials(project, parent) if t.data.params == repeated.data.params]
    assert [t.data.tags["model_md5"] for t in same] == [repeated.data.tags["model_md5"]]


def test_a_failing_trial_is_marked_and_the_others_go_on(project: Project) -> None:
    words = ("model=tutorial", "model.units=1000000000000,8", "seed=2")
    output = project.run(*EXPERIMENT, *words, code=1)
    parent = parents(project)[0]
    status = {t.data.params["model.units"]: t.info.status for t in trials(project, parent)}
    assert status == {"1000000000000": "FAILED", "8": "FINISHED"}
    assert all(
        t.info.run_name.startswith(f"units={t.data.params['model.units']} ") for t in trials(project, parent)
    )
    assert "error: 1 of 2 trials failed; the first, model=tutorial model.units=1000000000000" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["epoch=1,2"], "epoch: unknown key on the command line"),
        (["seed=0,1", "epochs=1,0"], "epochs: input should be greater than 0 or auto, not 0"),
        (["model=tutorial,nope"], "model: no preset nope in conf/model/"),
        (["seed=0,1", "validation=0.1,0.2"], "validation: asked for 0.2, but"),
        (["seed=5,6", "resume=true"], "resume: no sweep of these words"),
    ],
)
def test_a_wrong_trial_is_refused_before_any_starts(
    project: Project, words: list[str], complaint: str
) -> None:
    known = len(runs(project))
    output = project.run(*EXPERIMENT, *words, code=1)
    assert output.startswith(f"error: {complaint}")
    assert output.count("\n") == 1
    assert len(runs(project)) == known


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_sweep_goes_on_where_it_was(project: Project, number: signal.Signals) -> None:
    words = ("model=tutorial", f"batch_size={50 + number}", "seed=0,1,2", "epochs=8")
    process = subprocess.Popen(
        [*EXPERIMENT, *words], cwd=project.root, env=project.environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    seen = ""
    while not ("test accuracy" in seen and "Epoch 2/" in seen.split("test accuracy")[-1]):
        seen += process.stdout.readline()
        assert process.poll() is None
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    parent = parents(project)[0]
    (done,) = (t for t in trials(project, parent) if t.info.status == "FINISHED")
    if number == signal.SIGTERM:
        assert process.returncode == 130
        assert parent.info.status == "KILLED"

    output = project.run(*EXPERIMENT, *words, "resume=true")
    assert "1 of 3 trials are finished already" in output
    assert parents(project)[0].info.run_id == parent.info.run_id
    assert parents(project)[0].info.status == "FINISHED"
    ended = [(t.data.params["seed"], t.info.status) for t in trials(project, parent)]
    assert sorted(ended) == [("0", "FINISHED"), ("1", "FINISHED"), ("1", "KILLED"), ("2", "FINISHED")]
    assert done.info.run_id in {t.info.run_id for t in trials(project, parent)}


def test_parallel_trials_share_the_threads_and_are_the_same_to_the_bit(project: Project) -> None:
    words = ("model=tutorial,compact", "seed=7")
    project.run(*EXPERIMENT, *words, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    threads = max(1, len(os.sched_getaffinity(0)) // 2)
    project.run(*EXPERIMENT, *words, f"threads={threads}")
    sequential, parallel = (
        {t.data.params["model"]: t for t in trials(project, parent)} for parent in parents(project)[:2]
    )
    assert set(parallel) == {"tutorial", "compact"}
    for model, trial in parallel.items():
        assert trial.data.params["threads"] == str(threads)
        assert trial.data.tags["model_md5"] == sequential[model].data.tags["model_md5"]
        assert trial.data.metrics["test_loss"] == sequential[model].data.metrics["test_loss"]


def test_up_to_three_threads_give_the_same_bits(project: Project) -> None:
    for threads in (1, 2, 3):
        project.run("python", "src/train.py", f"threads={threads}")
    models = {run.data.params["threads"]: run.data.tags["model_md5"] for run in runs(project)[:3]}
    assert set(models) == {"1", "2", "3"}
    assert len(set(models.values())) == 1


def test_the_ranking_of_the_store_is_filtered_and_exported(project: Project) -> None:
    compare = ("python", "src/compare.py")
    csv = project.run(*compare, "params.model = 'tutorial'", "--format", "csv")
    assert csv.startswith("rank,")
    assert "compact" not in csv
    markdown = project.run(*compare, "--format", "markdown", "--picture", "ranked.png")
    assert markdown.startswith("| rank |")
    assert (project.root / "ranked.png").exists()
    assert project.run(*compare, "nothing of the kind", code=1).startswith("error: filter: ")
    output = project.run(*compare, "--metric", "nope", code=1)
    assert output.startswith("error: metric: none of the ")
    assert "val_accuracy" in output
