"""Evaluation continues the MLflow run of the training, which is found by the model file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from digits.base import files
from digits.config.request import Request
from digits.config.schema import Config
from digits.tracking import runs
from support import MakeSplit, make_request, recorded_runs

pytestmark = pytest.mark.usefixtures("recording")
RecordRun = Callable[..., str]


def with_model(model_file: Path, *overrides: str) -> Request[Config]:
    """Return a request that is about the model in this file."""
    return make_request(*overrides).with_options(model_file=str(model_file))


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "model.keras"
    file.write_bytes(b"weights")
    return file


@pytest.fixture
def record_training(make_split: MakeSplit) -> RecordRun:
    """Return a function that records a training which ended with `file`, and returns the id of the run."""

    def record(file: Path, *overrides: str) -> str:
        with runs.training_run(make_request(*overrides), {"train": make_split(20)}, {}) as run_id:
            runs.set_tags({"model_md5": files.md5(file)})
        return run_id

    return record


@pytest.fixture
def record_scores(make_split: MakeSplit) -> RecordRun:
    """Return a function that records the evaluation of `file`, and returns the id of the run."""

    def record(file: Path, *overrides: str) -> str:
        with runs.evaluation_run(with_model(file, *overrides), {"test": make_split(10)}) as run_id:
            runs.log_metrics({"test_accuracy": 0.5, "test_loss": 1.0})
        return run_id

    return record


def test_evaluation_continues_the_run_that_trained_the_file(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    other = model_file.with_name("other.keras")
    other.write_bytes(b"others")
    run_id = record_training(model_file)
    record_training(other, "seed=1")
    assert record_scores(model_file) == run_id
    first, second = recorded_runs()
    assert first.data.metrics == {"test_accuracy": 0.5, "test_loss": 1.0}
    assert first.info.status == "FINISHED"
    assert second.data.metrics == {}


def test_evaluation_leaves_the_name_and_the_parameters_of_the_run_as_they_were(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    record_training(model_file, "seed=1")
    record_scores(model_file, "seed=2")
    (run,) = recorded_runs()
    assert run.info.run_name == runs.run_name(make_request("seed=1"))
    assert run.data.params["seed"] == "1"


def test_a_model_that_no_run_trained_gets_a_run_that_says_so(
    model_file: Path, record_scores: RecordRun
) -> None:
    record_scores(model_file)
    (run,) = recorded_runs()
    assert "cache" in run.data.tags["model_from"]
    assert run.data.tags["model_md5"] == files.md5(model_file)
    assert run.data.params["seed"] == "0"


def test_a_run_is_found_by_its_configuration_once_it_is_scored(
    model_file: Path, record_training: RecordRun, record_scores: RecordRun
) -> None:
    record_training(model_file)
    assert runs.find_run(make_request().config) is None
    run_id = record_scores(model_file)
    found = runs.find_run(make_request().config)
    assert found is not None
    assert found.run_id == run_id
    assert runs.find_run(make_request("seed=1").config) is None


def test_a_model_trained_again_to_the_same_file_has_its_scores(
    model_file: Path, record_scores: RecordRun, make_split: MakeSplit
) -> None:
    from digits.learning import runtime

    runtime.start(2)  # as all tests do, since a process keeps its number of threads

    import keras

    model = keras.Sequential([keras.Input((28, 28, 1), dtype="uint8"), keras.layers.Flatten()])
    splits = {"train": make_split(20)}
    with runs.training_run(make_request(), splits, {}):
        runs.log_model(model, model_file, splits)
    scored = record_scores(model_file)
    with runs.training_run(make_request(), splits, {}):
        runs.log_model(model, model_file, splits)
    again = recorded_runs()[-1]
    assert again.data.metrics == {"test_accuracy": 0.5, "test_loss": 1.0}
    assert again.data.tags["scored_in_run"] == scored
    assert again.data.params["parameters"] == "0"
