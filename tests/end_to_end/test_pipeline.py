"""The pipeline as a person runs it: DVC and Python from the command line, on the 5,000 real digits.

The tests build on one another's state, in the order in which they stand.
"""

import csv
import io
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import keras
import mlflow
import numpy as np
import pytest

from conftest import Project, copy_project
from ui import answers

STAGES = ["fetch", "preprocess", "train", "evaluate"]


def stages_run(output: str) -> list[str]:
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]


def runs(project: Project, filter_string: str = "") -> list[mlflow.entities.Run]:
    mlflow.set_tracking_uri(project.store)
    found: list[mlflow.entities.Run] = mlflow.search_runs(
        experiment_names=["digits"],
        filter_string=filter_string,
        order_by=["attributes.start_time DESC"],
        output_format="list",
    )
    return found


def model_uri(project: Project) -> str:
    run = runs(project)[0]
    assert run.outputs is not None
    (output,) = run.outputs.model_outputs
    return f"models:/{output.model_id}"


def metrics(project: Project) -> dict[str, float]:
    scores: dict[str, float] = json.loads((project.root / "reports/metrics.json").read_text())
    return scores


def test_repro_runs_all_stages_and_a_second_one_none(project: Project) -> None:
    assert stages_run(project.run("dvc", "repro")) == STAGES
    project.commit()
    again = project.run("dvc", "repro")
    assert stages_run(again) == []
    assert "Data and pipelines are up to date." in again
    assert project.run("git", "status", "--porcelain") == ""


def test_a_run_holds_the_whole_story(project: Project) -> None:
    (run,) = runs(project)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_accuracy"] == metrics(project)["test_accuracy"] > 0.5
    assert run.data.metrics["test_error"] == metrics(project)["test_error"]
    assert run.data.params["data"] == "sample"
    assert run.data.params["parameters"] == "58074"
    assert run.data.tags["dvc_stage"] == "train"
    assert run.data.tags["git_clean"] == "true"
    head = project.run("git", "rev-parse", "HEAD~1").strip()
    assert run.data.tags["git_commit"] == head
    assert run.inputs is not None
    contexts = {tag.value for data in run.inputs.dataset_inputs for tag in data.tags}
    assert contexts == {"train", "validation", "test"}
    client = mlflow.MlflowClient()
    for metric in ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate", "seconds"):
        assert [point.step for point in client.get_metric_history(run.info.run_id, metric)] == [1], metric
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id)}
    pictures = {"learning_curves.png", "confusion.png", "mistakes.png"}
    assert pictures | {"config.yaml", "history.csv", "per_class.csv"} <= artifacts


def test_the_model_is_loadable_and_takes_raw_pixels(project: Project) -> None:
    uri = model_uri(project)
    with np.load(project.root / "data/prepared/test.npz") as archive:
        images, labels = archive["images"], archive["labels"]
    probabilities = mlflow.keras.load_model(uri).predict(images, verbose=0)
    accuracy = float(np.mean(probabilities.argmax(axis=1) == labels))
    assert accuracy == pytest.approx(metrics(project)["test_accuracy"])
    signature = mlflow.models.get_model_info(uri).signature
    assert signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "uint8", "shape": (-1, 28, 28, 1)}


def test_the_model_predicts_through_mlflows_command(project: Project, tmp_path: Path) -> None:
    with np.load(project.root / "data/prepared/test.npz") as archive:
        images, labels = archive["images"][:20], archive["labels"][:20]
    (tmp_path / "in.json").write_text(json.dumps({"inputs": images.tolist()}))
    command = ["mlflow", "models", "predict", "--env-manager", "local", "--content-type", "json"]
    paths = ["--input-path", str(tmp_path / "in.json"), "--output-path", str(tmp_path / "out.json")]
    project.run(*command, "--model-uri", model_uri(project), *paths, MLFLOW_TRACKING_URI=project.store)
    predicted = np.array(json.loads((tmp_path / "out.json").read_text())["predictions"]).argmax(axis=1)
    assert (predicted == labels).mean() > 0.5


def test_outputs_hold_nothing_that_differs_between_identical_runs(project: Project) -> None:
    assert stages_run(project.run("dvc", "repro", "--force")) == STAGES
    assert project.run("git", "status", "--porcelain") == ""


def test_metrics_and_plots_show_something(project: Project) -> None:
    assert "test_accuracy" in project.run("dvc", "metrics", "show")
    shown = json.loads(project.run("dvc", "plots", "show", "--json"))
    plots = set(shown["data"])
    assert {"accuracy", "loss", "learning rate", "confusion", "missed of each digit, %"} <= plots
    assert {"reports/mistakes.png", "reports/first_nine.png", "reports/learning_curves.png"} <= plots
    assert all(entry.get("content") or entry.get("url") for data in shown["data"].values() for entry in data)


def test_an_experiment_reruns_only_what_its_keys_concern(project: Project) -> None:
    before = metrics(project)
    output = project.run("dvc", "exp", "run", "--name", "seeded", "-S", "seed=1", "-S", "model=tutorial")
    assert stages_run(output) == ["train", "evaluate"]
    (run,) = runs(project, "tags.dvc_experiment = 'seeded'")
    assert (run.data.params["seed"], run.data.params["model"]) == ("1", "tutorial")
    assert run.data.metrics["test_accuracy"] == metrics(project)["test_accuracy"]
    assert "test_accuracy" in project.run("dvc", "metrics", "diff")
    changed = json.loads(project.run("dvc", "metrics", "diff", "--json"))["reports/metrics.json"]
    assert changed["test_accuracy"]["old"] == before["test_accuracy"]
    assert "file://" in project.run("dvc", "plots", "diff", "--out", str(project.root.parent / "plots"))
    project.run("git", "checkout", "--quiet", ".")
    project.run("dvc", "checkout", "--quiet")


@pytest.mark.parametrize(
    ("file", "old", "new", "first_stale"),
    [
        ("conf/recipe/tutorial.yaml", "batch_size: 32", "batch_size: 64", None),
        ("conf/model/tutorial.yaml", "units: 100", "units: 50", None),
        ("conf/data/mnist.yaml", "mirrors:\n", "mirrors:\n  - http://127.0.0.1:9/\n", None),
        ("src/experiment.py", '"""Train', '"""Really train', None),
        ("conf/data/sample.yaml", "test: 1000", "test: 900", "fetch"),
        ("params.yaml", "validation: 0.1", "validation: 0.2", "preprocess"),
        ("params.yaml", "batch_size: auto", "batch_size: 50", "train"),
        ("conf/recipe/onecycle.yaml", "shift: 1", "shift: 2", "train"),
        ("src/digits/models.py", '"""The networks', '"""Networks', "train"),
        ("src/digits/evaluation.py", '"""Scoring', '"""To score', "evaluate"),
    ],
)
def test_an_edit_makes_stale_just_what_reads_it(
    project: Project, file: str, old: str, new: str, first_stale: str | None
) -> None:
    project.edit(file, old, new)
    plan = stages_run(project.run("dvc", "repro", "--dry"))
    project.run("git", "checkout", "--quiet", ".")
    assert (plan[0] if plan else None) == first_stale


def test_a_temporary_experiment_lands_in_the_same_store(project: Project) -> None:
    project.run("dvc", "exp", "run", "--temp", "--name", "aside", "-S", "seed=2")
    (run,) = runs(project, "tags.dvc_experiment = 'aside'")
    assert run.data.params["seed"] == "2"
    assert "test_accuracy" in run.data.metrics
    assert run.info.artifact_uri.startswith((project.root / "mlruns").as_uri())
    assert project.run("git", "status", "--porcelain") == ""


def test_queued_experiments_run_side_by_side_and_land_in_the_same_store(project: Project) -> None:
    project.run("dvc", "exp", "run", "--queue", "-S", "model=tutorial,compact", "-S", "seed=3,4")
    project.run("dvc", "queue", "start", "--jobs", "2")
    try:
        status = ""
        for _ in range(240):
            status = project.run("dvc", "queue", "status")
            if "Queued" not in status and "Running" not in status:
                break
            time.sleep(1)
        assert status.count("Success") == 4, status
    finally:
        project.run("dvc", "queue", "stop", "--kill")
    shown = csv.DictReader(io.StringIO(project.run("dvc", "exp", "show", "--csv")))
    accuracies = {row["Experiment"]: row["test_accuracy"] for row in shown}
    queued = [run for seed in (3, 4) for run in runs(project, f"params.seed = '{seed}'")]
    assert len(queued) == 4
    for run in queued:
        assert run.info.status == "FINISHED"
        assert float(accuracies[run.data.tags["dvc_experiment"]]) == run.data.metrics["test_accuracy"]
    assert project.run("git", "status", "--porcelain") == ""


def test_a_sweep_trains_and_evaluates_each_trial_in_one_run(project: Project) -> None:
    project.run("python", "src/experiment.py", "-m", "model=tutorial,compact", "seed=10,11")
    trials = [trial for seed in (10, 11) for trial in runs(project, f"params.seed = '{seed}'")]
    assert {(t.data.params["model"], t.data.params["seed"]) for t in trials} == {
        (model, seed) for model in ("tutorial", "compact") for seed in ("10", "11")
    }
    assert all("test_accuracy" in trial.data.metrics for trial in trials)
    assert all(trial.info.status == "FINISHED" for trial in trials)
    assert len(list(project.root.glob("multirun/*/*/*/models/model.keras"))) == 4
    assert project.run("dvc", "status") == "Data and pipelines are up to date.\n"


def test_the_three_doors_give_the_same_model(project: Project) -> None:
    project.run("python", "src/train.py", "seed=2")
    by_hand, in_dvc = runs(project, "params.seed = '2'")
    assert by_hand.data.tags["model_md5"] == in_dvc.data.tags["model_md5"]
    project.run("python", "src/experiment.py", "-m", "seed=2")
    assert runs(project, "params.seed = '2'")[0].data.tags["model_md5"] == in_dvc.data.tags["model_md5"]


def test_a_run_by_hand_leaves_dvcs_outputs_alone(project: Project) -> None:
    project.run("python", "src/evaluate.py")
    (scores,) = project.root.glob("outputs/*/*/reports/metrics.json")
    assert json.loads(scores.read_text()) == metrics(project)
    assert project.run("dvc", "status") == "Data and pipelines are up to date.\n"


def test_data_prepared_with_other_settings_are_refused(project: Project) -> None:
    output = project.run("python", "src/train.py", "validation=0.3", code=1)
    assert output.startswith("error: validation: asked for 0.3")
    assert "dvc exp run -S data=sample -S validation=0.3 -S split_seed=0 preprocess" in output
    assert output.count("\n") == 1


def test_a_server_that_does_not_answer_is_one_line(project: Project) -> None:
    output = project.run("python", "src/train.py", code=1, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert output.startswith("error: MLFLOW_TRACKING_URI: http://127.0.0.1:9 does not answer")
    assert output.count("\n") == 1


def test_a_server_gets_the_runs_instead(project: Project, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    store = ["--backend-store-uri", f"sqlite:///{tmp_path / 'team.db'}"]
    artifacts = ["--artifacts-destination", str(tmp_path / "artifacts")]
    command = ["mlflow", "server", "--workers", "1", "--port", str(port), *store, *artifacts]
    known = len(runs(project))
    server = subprocess.Popen(command, env=project.environment, cwd=tmp_path, start_new_session=True)
    try:
        while not answers(port):
            assert server.poll() is None
            time.sleep(0.2)
        project.run("python", "src/experiment.py", "seed=20", MLFLOW_TRACKING_URI=uri)
        client = mlflow.MlflowClient(uri)
        experiment = client.get_experiment_by_name("digits")
        assert experiment is not None
        (run,) = client.search_runs([experiment.experiment_id])
        assert run.info.status == "FINISHED"
        assert "test_accuracy" in run.data.metrics
        assert "mistakes.png" in {file.path for file in client.list_artifacts(run.info.run_id)}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)
    assert list((tmp_path / "artifacts").rglob("model.keras"))
    assert len(runs(project)) == known


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_leaves_nothing(project: Project, number: signal.Signals) -> None:
    known = {run.info.run_id for run in runs(project)}
    folder = project.root / f"outputs/interrupted-{number.name}"
    process = subprocess.Popen(
        ["python", "src/train.py", "epochs=100000", f"hydra.run.dir={folder}"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        text=True,
        # what a shell starts in the background ignores it, and so would this
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while "Epoch 2/" not in process.stdout.readline():
        assert process.poll() is None
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == 130
    (run,) = (run for run in runs(project) if run.info.run_id not in known)
    assert run.info.status == "KILLED"
    assert "accuracy" in run.data.metrics
    assert [path.name for path in folder.iterdir()] == [".hydra"]


def test_make_run_works_without_a_git_identity_and_leaves_the_checkout_clean(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    project.run("git", "add", "--all")
    project.run("git", *identity, "commit", "--quiet", "--message", "state")
    venv = project.root / ".venv"
    venv.mkdir()
    (venv / "installed").touch()  # the tests' own environment, on the path, serves here
    time.sleep(0.01)
    first, second = (project.run("make", "run") for _ in range(2))
    assert stages_run(first) == STAGES
    assert stages_run(second) == []
    for output in (first, second):
        assert "test accuracy" in output
        assert "make ui" in output
    assert len(runs(project)) == 1
    assert project.run("git", "status", "--porcelain") == ""
    assert keras.models.load_model(next(project.root.glob("mlruns/**/model.keras"))).count_params() == 58_074
