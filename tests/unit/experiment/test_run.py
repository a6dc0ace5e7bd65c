"""Training and evaluation of the prepared data, as the commands call them."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from digits.base.errors import DivergedError, UserError
from digits.experiment import run
from digits.learning import training
from digits.learning.history import Epoch
from digits.tracking.recording import Recording
from support import make_request, metric_points, recorded_runs

pytestmark = pytest.mark.usefixtures("recording", "prepare")

EPOCH = Epoch(1, 0.9, 0.3, 0.8, 0.8, 0.4, 0.1, 5)
REPORTS = {
    *("confusion.csv", "confusion.png", "history.csv", "learning_curves.png", "metrics.json"),
    *("mistakes.png", "per_class.csv", "predictions.csv", "training.json"),
}


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_run_has_everything_from_the_configuration_to_the_test_scores(
    tmp_path: Path, prepare: Path
) -> None:
    out = tmp_path / "out"
    accuracy = run.train_and_evaluate(make_request(out=out))
    (recorded,) = recorded_runs()
    assert recorded.info.status == "FINISHED"
    assert recorded.data.metrics["val_accuracy"] == accuracy
    scores = json.loads((out / "reports/metrics.json").read_text())
    assert {key: recorded.data.metrics[key] for key in scores} == scores
    assert [step for step, _ in metric_points(recorded.info.run_id, "val_loss")] == [1, 2]
    assert recorded.inputs is not None
    found = {each.tags[0].value: each.dataset.digest for each in recorded.inputs.dataset_inputs}
    assert found == json.loads((prepare / "settings.json").read_text())["digests"]
    artifacts = {file.path for file in mlflow.MlflowClient().list_artifacts(recorded.info.run_id)}
    assert artifacts == REPORTS | {"config.yaml", "validation.csv"}
    text = mlflow.artifacts.load_text(f"{recorded.info.artifact_uri}/validation.csv")
    answers = list(csv.DictReader(io.StringIO(text)))
    assert accuracy == sum(row["actual"] == row["predicted"] for row in answers) / len(answers)
    (model,) = mlflow.search_logged_models([recorded.info.experiment_id], output_format="list")
    known = ("val_accuracy", "val_error_percent", "test_accuracy", "test_error_percent")
    assert {each.key: each.value for each in model.metrics or ()} == {
        key: recorded.data.metrics[key] for key in known
    }
    assert files_in(out) == sorted(["models/model.keras", *(f"reports/{name}" for name in REPORTS)])


def test_the_same_request_makes_the_same_files_again(tmp_path: Path) -> None:
    for name in ("one", "other"):
        run.train_and_evaluate(make_request("epochs=1", out=tmp_path / name))
    names = files_in(tmp_path / "one")
    assert names == files_in(tmp_path / "other")
    differing = [
        name
        for name in names
        if (tmp_path / "one" / name).read_bytes() != (tmp_path / "other" / name).read_bytes()
    ]
    assert differing == []


def test_without_validation_images_there_is_nothing_for_a_sweeper_to_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = [Epoch(1, 0.9, 0.3, None, None, None, 0.1, 5)]
    recorded_module = run.start_learning(make_request())
    monkeypatch.setattr(recorded_module, "train_and_evaluate", lambda *_: history)
    assert run.train_and_evaluate(make_request(out=tmp_path / "out")) is None


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "KILLED"), (RuntimeError("the reason"), "FAILED")],
    ids=["interrupt", "error"],
)
def test_a_training_that_breaks_off_says_so_and_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: str
) -> None:
    log_epoch = Recording.log_epoch

    def log_and_break_off(*arguments: Any, **options: Any) -> None:
        log_epoch(*arguments, **options)
        raise error

    monkeypatch.setattr(Recording, "log_epoch", log_and_break_off)
    with pytest.raises(type(error)):
        run.train_and_evaluate(make_request(out=tmp_path / "out"))
    (recorded,) = recorded_runs()
    assert recorded.info.status == status
    assert recorded.data.tags["error"].startswith(type(error).__name__)
    assert [step for step, _ in metric_points(recorded.info.run_id, "loss")] == [1]
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interrupt_that_a_library_swallowed_ends_the_training_after_the_epoch_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    def train(*arguments: Any) -> None:
        on_epoch = arguments[2]
        on_epoch(EPOCH)

    recorded_module = run.start_learning(make_request())
    monkeypatch.setattr(recorded_module, "raise_if_interrupted", interrupt)
    monkeypatch.setattr(training, "train", train)
    with pytest.raises(KeyboardInterrupt):
        run.train(make_request(out=tmp_path / "out"))
    (recorded,) = recorded_runs()
    assert recorded.info.status == "KILLED"
    assert metric_points(recorded.info.run_id, "loss") == [(1, 0.3)]


def test_a_training_that_diverges_is_a_failed_run_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_: Any) -> None:
        raise DivergedError("learning_rate: 9 is too high")

    monkeypatch.setattr(training, "train", train)
    with pytest.raises(DivergedError):
        run.train(make_request(out=tmp_path / "out"))
    (recorded,) = recorded_runs()
    assert recorded.info.status == "FAILED"
    assert recorded.data.tags["error"] == "DivergedError: learning_rate: 9 is too high"


@pytest.fixture
def _no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if TensorFlow would be started."""

    def start_learning(_: object) -> None:
        raise AssertionError("TensorFlow was started")

    monkeypatch.setattr(run, "start_learning", start_learning)


COMMANDS = pytest.mark.parametrize("command", [run.train, run.evaluate, run.train_and_evaluate])


@COMMANDS
@pytest.mark.usefixtures("_no_tensorflow")
def test_data_that_were_prepared_otherwise_are_refused_before_tensorflow_starts(
    tmp_path: Path, command: Any
) -> None:
    with pytest.raises(
        UserError, match=r"^split_seed: asked for 7, but .* was made with 0; prepare the data"
    ):
        command(make_request("split_seed=7", out=tmp_path / "out"))
    assert recorded_runs() == []
    assert not (tmp_path / "out").exists()


@COMMANDS
@pytest.mark.usefixtures("_no_tensorflow")
def test_images_that_have_changed_are_refused_before_tensorflow_starts(
    tmp_path: Path, prepare: Path, command: Any
) -> None:
    for name in ("train", "test"):
        images = np.zeros((20, 28, 28, 1), np.uint8)
        np.savez(prepare / f"{name}.npz", images=images, labels=np.zeros(20, np.uint8))
    with pytest.raises(UserError, match=r"\.npz: has changed since it was prepared"):
        command(make_request(out=tmp_path / "out"))
    assert recorded_runs() == []


def test_without_a_model_there_is_nothing_to_evaluate(tmp_path: Path) -> None:
    missing = tmp_path / "model.keras"
    with pytest.raises(UserError, match=r"model.keras: does not exist"):
        run.evaluate(make_request(f"model_file={missing}", out=tmp_path / "out"))
    assert recorded_runs() == []
    assert not (tmp_path / "out").exists()
