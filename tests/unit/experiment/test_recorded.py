"""What is recorded and written when a network is trained, and when it is evaluated later."""

import contextlib
import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path

import keras
import mlflow
import numpy as np
import pytest

from digits.config.request import Request
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.experiment import recorded
from digits.learning import evaluation, model_file, runtime
from digits.learning.history import Epoch
from digits.tracking.described import recorded_parameters
from digits.tracking.repeat import repeat_command
from support import CLASSES, DIGEST, SHAPE, MakeSplit, make_request, make_splits, metric_points, recorded_runs

EPOCHS = 3


@dataclasses.dataclass(frozen=True)
class Done:
    """A training, and what was there after it: the files, the run, its artifacts."""

    request: Request[Config]
    splits: Splits
    history: list[Epoch]
    run: mlflow.entities.Run
    artifacts: set[str]
    metrics: dict[str, list[tuple[int, float]]]

    @property
    def reports(self) -> Path:
        return self.request.out / "reports"


@pytest.fixture(scope="module")
def splits(make_split: MakeSplit) -> Splits:
    return make_splits(train=make_split(200), validation=make_split(60))


@pytest.fixture(scope="module")
def _recording(store_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Record in an experiment of the module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store_uri)
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "test_recorded")
        patch.setenv("DVC_ROOT", str(tmp_path_factory.mktemp("root")))
        patch.setattr("digits.tracking.runs.uncommitted", lambda: "")
        patch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
        yield


@pytest.fixture(scope="module")
def done(_recording: None, splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A training that was recorded. Tests only look at it."""
    out = tmp_path_factory.mktemp("trained")
    request = make_request(f"epochs={EPOCHS}", "recipe.selection.after=1", out=out)
    with contextlib.redirect_stdout(io.StringIO()):
        history = recorded.train(request, splits)
    (run,) = recorded_runs()
    names = {file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    metrics = {name: metric_points(run.info.run_id, name) for name in run.data.metrics}
    return Done(request, splits, history, run, names, metrics)


def digests(run: mlflow.entities.Run) -> dict[str, str]:
    """Return the digest of each recorded data set."""
    assert run.inputs is not None
    return {each.tags[0].value: each.dataset.digest for each in run.inputs.dataset_inputs}


def test_a_training_is_one_finished_run(done: Done) -> None:
    assert done.run.info.status == "FINISHED"
    assert "error" not in done.run.data.tags


def test_the_parameters_are_those_of_the_configuration_and_how_many_the_network_has(done: Done) -> None:
    expected = recorded_parameters(done.request.config, DIGEST)
    model = model_file.load(done.request.out / "models/model.keras", SHAPE, CLASSES)
    assert done.run.data.params == expected | {"parameters": str(model.count_params())}


def test_the_metrics_of_each_epoch_are_recorded_with_its_number_as_step(done: Done) -> None:
    assert [epoch.epoch for epoch in done.history] == [1, 2, 3]
    for name in done.history[0].metrics():
        assert done.metrics[name] == [(epoch.epoch, epoch.metrics()[name]) for epoch in done.history]


def test_the_validation_error_of_each_epoch_is_recorded_as_a_person_writes_it(done: Done) -> None:
    errors = [100 * (1 - (epoch.val_accuracy or 0)) for epoch in done.history]
    assert [error for _, error in done.metrics["val_error_percent"]] == pytest.approx(errors)
    assert all(len(str(error)) < 10 for _, error in done.metrics["val_error_percent"])


def test_the_seconds_of_the_whole_training_are_recorded(done: Done) -> None:
    ((_, seconds),) = done.metrics["train_seconds"]
    assert seconds > sum(epoch.seconds for epoch in done.history)
    assert set(done.metrics) == {*done.history[0].metrics(), "train_seconds", "val_error_percent"}


def test_the_description_says_what_was_trained_how_it_is_repeated_and_what_came_of_it(done: Done) -> None:
    result, first = done.run.data.tags["mlflow.note.content"].split("\n\n")
    command = repeat_command(recorded_parameters(done.request.config, DIGEST))
    assert first == (
        "Model compact, recipe onecycle, seed 0, on sample (200 train and 60 validation images). "
        f"To repeat it: `{command}`"
    )
    ((_, seconds),) = done.metrics["train_seconds"]
    accuracy = done.history[-1].val_accuracy or 0
    assert result == f"Result: validation accuracy {accuracy:.2%} after 3 epochs in {seconds:.1f} seconds."


def test_tags_say_what_the_training_was_computed_with(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = {key: done.run.data.tags[key] for key in ("threads", "workers", "device", "same_bits_on")}
    assert tags == {"threads": "2", "workers": "1"} | recorded.computed_with(done.request)
    monkeypatch.setattr(runtime, "device", lambda: "CPU")
    assert recorded.computed_with(done.request) == {
        "threads": "2",
        "device": "CPU",
        "same_bits_on": "CPU, 1 to 3 threads",
    }


def test_the_data_sets_are_recorded_with_their_digests(done: Done) -> None:
    assert digests(done.run) == {name: split.digest for name, split in done.splits.items()}


def test_the_reports_are_written_and_recorded(done: Done) -> None:
    reports = {"history.csv", "learning_curves.png", "training.json"}
    assert {file.name for file in done.reports.iterdir()} == reports
    assert done.artifacts == reports | {"config.yaml", "validation.csv"}
    assert {file.name for file in done.request.out.iterdir()} == {"models", "reports"}


def test_the_history_has_every_metric_of_every_epoch_except_the_seconds(done: Done) -> None:
    with (done.reports / "history.csv").open(newline="") as stream:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)]
    expected = [{"epoch": epoch.epoch} | epoch.metrics() for epoch in done.history]
    for row in expected:
        del row["seconds"]
    assert rows == expected


def test_the_report_of_the_training_has_the_scores_of_the_last_epoch(done: Done) -> None:
    last = done.history[-1]
    assert json.loads((done.reports / "training.json").read_text()) == {
        "accuracy": last.accuracy,
        "loss": last.loss,
        "val_accuracy": last.val_accuracy,
        "val_balanced_accuracy": last.val_balanced_accuracy,
        "val_loss": last.val_loss,
    }


def test_the_recorded_model_is_that_of_the_file(done: Done) -> None:
    assert done.run.outputs is not None
    (logged,) = done.run.outputs.model_outputs
    recorded_model = mlflow.keras.load_model(f"models:/{logged.model_id}")
    written = model_file.load(done.request.out / "models/model.keras", SHAPE, CLASSES)
    for one, other in zip(written.get_weights(), recorded_model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_later_request_evaluates_in_the_run_that_trained_the_model(
    done: Done, make_split: MakeSplit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = make_split(50)
    file = tmp_path / "moved.keras"  # the content of the file counts, not where it is
    file.write_bytes((done.request.out / "models/model.keras").read_bytes())
    later = make_request(*done.request.composed.overrides, f"model_file={file}", out=tmp_path / "out")
    recorded.evaluate(later, make_splits(test=test))
    (run,) = recorded_runs()
    assert run.info.run_id == done.run.info.run_id
    assert run.info.run_name == done.run.info.run_name
    assert run.info.status == "FINISHED"
    report = evaluation.evaluate(keras.models.load_model(file), test)
    scores = {
        "test_accuracy": report.accuracy,
        "test_balanced_accuracy": report.balanced_accuracy,
        "test_loss": report.loss,
        "test_error_percent": report.error_percent,
    }
    assert {key: value for key, value in run.data.metrics.items() if key.startswith("test_")} == scores
    assert json.loads((tmp_path / "out/reports/metrics.json").read_text()) == scores
    assert digests(run) == digests(done.run) | {"test": test.digest}
    assert capsys.readouterr().out == (
        f"test accuracy {report.accuracy:.2%} (standard error {report.standard_error:.2%} on "
        f"50 sample images), balanced {report.balanced_accuracy:.2%}, loss {report.loss:.4f}\n"
    )
