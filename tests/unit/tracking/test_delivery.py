"""What is recorded arrives once and in order, whatever is lost on the way."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Run
from mlflow.exceptions import MlflowException

from digits.base import files
from digits.base.errors import UserError
from digits.learning.history import Epoch
from digits.reports.sync import sync
from digits.tracking import runs, store
from digits.tracking.entries import Entry
from digits.tracking.opening import destination, open_store
from digits.tracking.outbox import keys_on_disk
from support import DIGEST, MakeSplit, OneTry, make_request, make_splits, metric_points, recorded_runs

pytestmark = pytest.mark.usefixtures("recording")

REQUESTS = (  # of MLflow's client, that change the store
    *("create_run", "update_run", "set_terminated", "delete_tag", "log_batch", "log_inputs", "log_artifacts"),
    *("create_logged_model", "log_model_artifacts", "finalize_logged_model", "log_outputs"),
    "delete_logged_model",
)
SCORES = {"test_accuracy": 0.5, "test_loss": 1.0}
Away = pytest.MonkeyPatch


class Experiment:
    """A training of three epochs and an evaluation, recorded without training anything."""

    def __init__(self, folder: Path, make_split: MakeSplit) -> None:
        self.splits = make_splits(train=make_split(20), test=make_split(10))
        self.model = keras.Sequential([keras.Input((28, 28, 1), dtype="uint8"), keras.layers.Flatten()])
        self.file, self.reports = folder / "model.keras", folder / "reports"
        self.model.save(self.file)
        files.write_json(self.reports / "training.json", {})
        self.key: str | None = None

    def train(self, stop_after: int | None = None, **options: Any) -> None:
        """Record a training, or go on with one that was interrupted by `stop_after` epochs."""
        request, again = make_request().with_options(**options), self.key is not None
        with runs.training_run(request, self.splits, {}, self.key) as recording:
            self.key = recording.key
            for number in range(1, 4):
                recording.log_epoch(Epoch(number, number / 4, 0.1, None, None, None, 0.05, 1.5), again)
                if number == stop_after:
                    raise KeyboardInterrupt
            recording.log_files(self.reports)
            recording.log_model(self.model, self.file, self.splits)

    def evaluate(self, **options: Any) -> None:
        request = make_request().with_options(model_file=str(self.file), **options)
        opened = runs.check_store(request)
        runs.record_scores(request, self.splits, SCORES, self.reports, opened)


@pytest.fixture
def experiment(tmp_path: Path, make_split: MakeSplit) -> Experiment:
    folder = tmp_path / "experiment"
    folder.mkdir()
    return Experiment(folder, make_split)


@pytest.fixture
def one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """End each process after it has tried once to deliver everything."""
    monkeypatch.setattr("digits.tracking.recording.Sender", OneTry)


@pytest.fixture
def away(one_try: None) -> Iterator[pytest.MonkeyPatch]:
    """Let nobody reach the store until this is undone."""
    assert one_try is None
    patch = pytest.MonkeyPatch()

    def refuse(*_: object) -> None:
        raise MlflowException("refused")

    patch.setattr(store, "_set_experiment", refuse)
    yield patch
    patch.undo()


def check_complete(run: Run) -> None:
    """Fail unless the run has all of an experiment once."""
    assert run.info.status == "FINISHED"
    assert "error" not in run.data.tags
    assert metric_points(run.info.run_id, "accuracy") == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert {name: run.data.metrics[name] for name in SCORES} == SCORES
    assert run.data.params["parameters"] == "0"
    assert run.outputs is not None
    assert run.inputs is not None
    (output,) = run.outputs.model_outputs
    assert {used.dataset.name for used in run.inputs.dataset_inputs} == {"sample train", "sample test"}
    assert len(run.inputs.dataset_inputs) == 2
    names = {file.path for file in MlflowClient().list_artifacts(run.info.run_id)}
    assert names == {"config.yaml", "training.json"}
    (model,) = mlflow.search_logged_models([run.info.experiment_id], output_format="list")
    assert (model.model_id, model.source_run_id) == (output.model_id, run.info.run_id)
    assert model.status == LoggedModelStatus.READY
    assert model.name == run.info.run_name.replace(".", "_")  # a name of a model has no points
    assert model.tags["classes"] == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert (model.tags["data_digest"], model.tags["model_md5"]) == (DIGEST, run.data.tags["model_md5"])
    assert [(metric.key, metric.value) for metric in model.metrics or ()] == [("test_accuracy", 0.5)]
    assert mlflow.pyfunc.load_model(model.model_uri).metadata.run_id == run.info.run_id


def test_everything_is_recorded_and_nothing_is_left(experiment: Experiment) -> None:
    experiment.train()
    experiment.evaluate()
    check_complete(*recorded_runs())
    assert keys_on_disk() == []


def test_what_is_delivered_twice_is_there_once(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for record in (experiment.train, experiment.evaluate):
        with monkeypatch.context() as patch:  # as if it were killed at its end, and the position lost
            patch.setattr("digits.tracking.outbox._read_position", lambda *_: (0, ""))
            patch.setattr("digits.tracking.outbox.Outbox.remove", lambda outbox: outbox.close())
            record()
            open_store()
            assert len(keys_on_disk()) == 1
        open_store()
    check_complete(*recorded_runs())
    assert keys_on_disk() == []


@pytest.mark.usefixtures("one_try")
@pytest.mark.parametrize("answered", [True, False], ids=["lost answer", "lost request"])
def test_whichever_request_or_answer_is_lost_the_record_is_complete_in_the_end(
    answered: bool, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for successes in range(100):
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"{answered} {successes} {experiment.file.parent}")
        failed: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            lose_one(successes, answered, patch, failed)
            experiment.key = None
            experiment.train(offline=True)
            experiment.evaluate(offline=True)
        open_store()
        check_complete(*recorded_runs())
        assert keys_on_disk() == []
        if not failed:
            break
    assert successes > 12


def lose_one(successes: int, answered: bool, patch: pytest.MonkeyPatch, failed: list[str]) -> None:
    """Lose the request after `successes` that change the store, or if it is `answered`, just the answer."""
    left = [successes]

    def limit(name: str, request: Any) -> Any:
        def limited(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] != -1:
                return request(*arguments, **options)
            failed.append(name)
            if answered:
                request(*arguments, **options)
            raise MlflowException(f"{name} was lost")

        return limited

    for name in REQUESTS:
        patch.setattr(MlflowClient, name, limit(name, getattr(MlflowClient, name)))


def test_a_store_that_is_away_at_the_start_is_refused(experiment: Experiment, away: Away) -> None:
    with pytest.raises(UserError, match="cannot be opened: refused"):
        experiment.train()
    with pytest.raises(UserError, match="cannot be opened: refused"):
        experiment.evaluate()
    away.undo()
    assert recorded_runs() == []
    assert keys_on_disk() == []


@pytest.mark.parametrize("option", [{"offline": True}, {"parent_run": "0" * 32}])
def test_offline_or_as_a_trial_a_training_begins_all_the_same_and_the_next_command_records_it(
    option: dict[str, Any], experiment: Experiment, away: Away, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment.train(**option)
    experiment.evaluate()  # it is known that the store is away
    said = capsys.readouterr().err
    assert "cannot be opened: refused; what is recorded waits until it is back\n" in said
    assert "the rest waits in " in said
    assert len(keys_on_disk()) == 2
    away.undo()
    open_store()
    assert capsys.readouterr().err == "recorded what waited in outbox/\n"
    check_complete(*recorded_runs())


@pytest.mark.parametrize("delivered_between", [False, True])
@pytest.mark.parametrize("epochs", [1, 2])
def test_a_training_that_is_interrupted_while_the_store_is_away_is_one_run_without_a_gap_or_a_doubled_epoch(
    epochs: int, delivered_between: bool, experiment: Experiment, away: Away
) -> None:
    with pytest.raises(KeyboardInterrupt):
        experiment.train(stop_after=epochs, offline=True)
    if delivered_between:
        away.undo()
        open_store()
        assert [run.info.status for run in recorded_runs()] == ["KILLED"]
    experiment.train(offline=True)
    experiment.evaluate(offline=True)
    away.undo()
    open_store()
    check_complete(*recorded_runs())


def test_scores_wait_for_the_run_that_trained_the_model(
    experiment: Experiment, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment.train(offline=True)
    away.undo()
    with monkeypatch.context() as patch:  # as if another process were about to deliver it
        patch.setattr("digits.tracking.opening.open_left", lambda: iter(()))
        experiment.evaluate(offline=True)
        assert recorded_runs() == []
    open_store()
    check_complete(*recorded_runs())


def test_sync_delivers_and_says_what_waits_for_other_stores(
    experiment: Experiment, away: Away, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment.train(offline=True)
    with pytest.raises(UserError, match="cannot be opened: refused"):
        sync()
    away.undo()
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "another")
        sync()
        first, second = capsys.readouterr().out.splitlines()
        assert first.startswith("nothing waits for ")
        assert re.fullmatch("what is for /.*/mlflow.db waits in outbox/ until .* names that", second)
    sync()
    assert capsys.readouterr() == ("", "recorded what waited in outbox/\n")
    assert [run.info.status for run in recorded_runs()] == ["FINISHED"]


def test_sync_fails_if_the_store_does_not_take_what_waits(
    experiment: Experiment, away: Away, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise MlflowException("no space")

    experiment.train(offline=True)
    away.undo()
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifacts", refuse)
        with pytest.raises(UserError, match="does not take what waits in outbox/"):
            sync()
        assert "does not take what waits of a run (no space)" in capsys.readouterr().err
    sync()
    assert [run.info.status for run in recorded_runs()] == ["FINISHED"]


def test_what_the_store_refuses_for_good_is_set_aside_and_stops_nothing(
    experiment: Experiment, away: Away, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    experiment.train(offline=True)
    experiment.key = None
    experiment.train(offline=True)
    away.undo()
    first, _ = sorted((tmp_path / "outbox").iterdir())
    (first / "entries").write_bytes(Entry(1, "unknown", 0, {"names": destination()}).line())
    open_store()
    assert "refuses what waited of a run ('unknown'); it is kept in" in capsys.readouterr().err
    assert [run.info.status for run in recorded_runs()] == ["FINISHED"]
    assert [folder.suffix for folder in (tmp_path / "outbox").iterdir()] == [".refused"]
