"""What MLflow and DVC keep of a finished project."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from mlflow.entities import LoggedModel, Run
from mlflow.models import Model

from project import Project


@pytest.fixture
def run(finished: Project) -> Run:
    (only,) = finished.runs()
    return only


@pytest.fixture
def model(finished: Project, run: Run) -> LoggedModel:
    assert run.outputs is not None
    (output,) = run.outputs.model_outputs
    return finished.client.get_logged_model(output.model_id)


def scores(project: Project) -> dict[str, float]:
    """Return the numbers that DVC keeps of the model and its test."""
    files = [project.root / "reports" / name for name in ("training.json", "metrics.json")]
    return {name: value for file in files for name, value in json.loads(file.read_text()).items()}


def test_training_and_evaluation_are_one_finished_run_with_the_scores_that_dvc_has(
    finished: Project, run: Run
) -> None:
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_accuracy"] > 0.5
    assert scores(finished).keys() >= {"val_accuracy", "test_accuracy", "test_error_percent"}
    assert run.data.metrics.items() >= scores(finished).items()


def test_a_run_has_the_configuration_and_its_origin(finished: Project, run: Run) -> None:
    known = {"data": "sample", "model": "compact", "epochs": "1", "parameters": "58074"}
    assert run.data.params.items() >= known.items()
    assert run.data.tags["dvc_stage"] == "train"
    assert run.data.tags["git_clean"] == "true"
    assert run.data.tags["git_commit"] == finished.run("git", "rev-parse", "HEAD~1").strip()
    assert run.data.tags["workers"] == "1"
    assert {"threads", "device", "same_bits_on"} <= set(run.data.tags)


def test_a_run_has_its_data_epochs_and_files(finished: Project, run: Run) -> None:
    assert run.inputs is not None
    contexts = {tag.value for data in run.inputs.dataset_inputs for tag in data.tags}
    assert contexts == {"train", "validation", "test"}
    for metric in ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate", "seconds"):
        assert [step for step, _ in finished.points(run, metric)] == [1], metric
    pictures = {"learning_curves.png", "confusion.png", "mistakes.png"}
    assert pictures | {"config.yaml", "history.csv", "per_class.csv"} <= finished.artifacts(run)


def test_the_model_says_that_it_takes_raw_pixels(model: LoggedModel) -> None:
    signature = Model.load(model.artifact_location.removeprefix("file://")).signature
    (pixels,), (probabilities,) = signature.inputs.to_dict(), signature.outputs.to_dict()
    assert pixels["tensor-spec"] == {"dtype": "uint8", "shape": (-1, 28, 28, 1)}
    assert probabilities["tensor-spec"] == {"dtype": "float32", "shape": (-1, 10)}


def test_mlflow_predicts_with_the_model_from_raw_pixels_what_the_evaluation_did(
    finished: Project, model: LoggedModel, tmp_path: Path
) -> None:
    with np.load(finished.root / "data/prepared/test.npz") as archive:
        images = archive["images"][:100]
    (tmp_path / "in.json").write_text(json.dumps({"inputs": images.tolist()}))
    command = ["mlflow", "models", "predict", "--env-manager", "local", "--content-type", "json"]
    paths = ["--input-path", str(tmp_path / "in.json"), "--output-path", str(tmp_path / "out.json")]
    uri, store = f"models:/{model.model_id}", {"MLFLOW_TRACKING_URI": finished.store}
    finished.run(*command, "--model-uri", uri, *paths, cwd=tmp_path, environment=store)
    predicted = np.array(json.loads((tmp_path / "out.json").read_text())["predictions"]).argmax(axis=1)
    with (finished.root / "reports/predictions.csv").open(newline="") as stream:
        evaluated = [int(row["predicted"]) for row in csv.DictReader(stream)]
    assert predicted.tolist() == evaluated[:100]


def test_dvc_shows_the_metrics(finished: Project) -> None:
    assert "test_accuracy" in finished.run("dvc", "metrics", "show")
