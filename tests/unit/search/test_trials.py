"""The parents of sweeps and searches, and their trials."""

from pathlib import Path

import mlflow
import pytest
from filelock import FileLock

from digits.base import files
from digits.base.errors import UserError
from digits.reports.ranking import Group
from digits.search import trials
from digits.tracking import runs, store
from digits.tracking.described import recorded_parameters
from support import DIGEST, make_record, make_request, make_splits, recorded_runs

pytestmark = pytest.mark.usefixtures("recording")


def add_trial(
    parent: str, *overrides: str, tags: dict[str, object] | None = None, scored: bool = True
) -> str:
    """Record a finished trial of `parent`, and return its id."""
    request = make_request(*overrides).with_options(parent_run=parent)
    with runs.training_run(request, make_splits(), {}) as recorded:
        recorded.set_tags(tags or {})
        recorded.log_params({"parameters": 1234})
        recorded.log_metrics({"val_accuracy": 0.9} | ({"test_accuracy": 0.8} if scored else {}))
    return recorded.run_id


def start_trial(parent: str) -> str:
    """Record a trial that is left RUNNING, as by a process that is killed, and return its id."""
    tags = {"mlflow.parentRunId": parent, "sweep": parent}
    return str(mlflow.MlflowClient().create_run(store.use(), tags=tags).info.run_id)


def status(run_id: str) -> str:
    return str(mlflow.get_run(run_id).info.status)


@pytest.fixture
def parent(recording: str) -> str:
    assert recording
    with trials.sweep_run("seed=0,1", resume=False) as sweep:
        pass
    return sweep.run_id


@pytest.fixture
def lock(tmp_path: Path) -> FileLock:
    return FileLock(tmp_path / "study.lock")


def test_a_sweep_is_named_after_its_overrides() -> None:
    with trials.sweep_run("seed=0,1 model='it''s'", resume=False):
        pass
    (run,) = recorded_runs()
    assert run.info.run_name == "sweep seed=0,1 model='it''s'"
    assert run.data.tags["sweep_overrides"] == "seed=0,1 model='it''s'"
    assert "git_commit" in run.data.tags
    assert run.info.status == "FINISHED"


def test_the_same_sweep_started_again_is_another_run(parent: str) -> None:
    with trials.sweep_run("seed=0,1", resume=False) as again:
        pass
    assert again.run_id != parent


def test_a_sweep_that_is_resumed_is_the_newest_of_the_same_overrides(parent: str) -> None:
    with trials.sweep_run("seed=0,1", resume=False) as newer:
        pass
    with trials.sweep_run("seed=0,1,2", resume=False):
        pass
    with trials.sweep_run("seed=0,1", resume=True) as resumed:
        pass
    assert resumed.run_id == newer.run_id != parent


@pytest.mark.usefixtures("parent")
def test_without_an_earlier_sweep_nothing_can_be_resumed() -> None:
    with (
        pytest.raises(UserError, match=r"^resume: no sweep of these overrides is in "),
        trials.sweep_run("seed=0,1,2", resume=True),
    ):
        pass
    assert len(recorded_runs()) == 1


def test_trials_that_were_stopped_are_killed_when_a_sweep_ends() -> None:
    with trials.sweep_run("seed=0,1", resume=False) as parent:
        stopped, finished = start_trial(parent.run_id), add_trial(parent.run_id)
    assert (status(stopped), status(finished)) == ("KILLED", "FINISHED")


def test_trials_that_were_stopped_are_killed_when_a_sweep_is_resumed(parent: str) -> None:
    stopped = start_trial(parent)
    with trials.sweep_run("seed=0,1", resume=True):
        assert status(stopped) == "KILLED"


def test_trials_that_are_alive_are_not_killed(parent: str) -> None:
    stopped, alive, of_others = start_trial(parent), start_trial(parent), start_trial("another")
    trials.mark_stopped_trials(parent, alive={alive})
    assert [status(run_id) for run_id in (stopped, alive, of_others)] == ["KILLED", "RUNNING", "RUNNING"]


def test_a_run_that_is_not_in_the_store_cannot_be_killed_and_stops_nothing(parent: str) -> None:
    trials.mark_killed("")
    trials.mark_killed("0" * 32)
    assert status(parent) == "FINISHED"


def test_a_store_that_is_away_when_a_killed_run_should_be_marked_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise mlflow.exceptions.MlflowException("refused")

    monkeypatch.setattr(store, "_set_experiment", refuse)
    trials.mark_killed("0" * 32)


def test_finished_trials_are_those_that_were_scored(parent: str) -> None:
    add_trial(parent, "seed=0")
    add_trial(parent, "seed=1", scored=False)
    add_trial("another", "seed=2")
    expected = recorded_parameters(make_request("seed=0").config, DIGEST)
    assert trials.finished_trials(parent) == [expected]


def test_a_search_that_is_continued_has_one_parent(lock: FileLock) -> None:
    parents = []
    for identity in ("a", "a", "b"):  # studies of one name in two files
        with trials.search_run("compact-1", identity, lock) as parent:
            assert not lock.is_locked
        parents.append(parent.run_id)
    assert parents[0] == parents[1] != parents[2]
    assert [run.info.run_name for run in recorded_runs()] == ["search compact-1"] * 2


def test_a_study_that_was_begun_in_another_store_is_refused(lock: FileLock) -> None:
    with pytest.raises(UserError) as refusal, trials.search_run("compact-1", "0123", lock, begun=True):
        pass
    assert "does not have the trials of the study compact-1; name the store that does" in str(refusal.value)
    assert recorded_runs() == []
    for begun in (False, True):
        with trials.search_run("compact-1", "0123", lock, begun):
            pass
    assert len(recorded_runs()) == 1


def test_completed_trials_are_in_their_order_without_those_that_were_pruned(parent: str) -> None:
    add_trial(parent, tags={"trial": 9, "pruned": "true"})
    for number in (10, 2):
        add_trial(parent, tags={"trial": number})
    add_trial(parent, tags={"winner": "true"})
    assert [record.tags["trial"] for record in trials.completed_trials(parent)] == ["2", "10"]


def test_the_newest_run_of_the_model_is_the_winner_and_no_other(parent: str, tmp_path: Path) -> None:
    models = [tmp_path / name for name in ("first.keras", "second.keras")]
    for model in models:
        model.write_text(model.name)
    first, older, newest = (
        add_trial(parent, tags={"model_md5": files.md5(model)}) for model in (models[0], models[1], models[1])
    )
    trials.mark_winner(parent, 3, models[0])
    winner = trials.winner_run(parent, 3)
    assert winner is not None
    assert winner.run_id == first
    trials.mark_winner(parent, 5, models[1])
    winner = trials.winner_run(parent, 5)
    assert winner is not None
    assert winner.run_id == newest != older
    assert trials.winner_run(parent, 3) is None


def test_a_winner_that_was_not_scored_is_trained_again(parent: str) -> None:
    add_trial(parent, tags={"winner": "true", "winner_of_trial": "3"}, scored=False)
    assert trials.winner_run(parent, 3) is None


def test_the_scores_of_a_parent_have_names_that_no_trial_has() -> None:
    best = Group(
        {}, [make_record(metrics={"val_accuracy": value, "test_accuracy": 0.5}) for value in (0.8, 0.9)]
    )
    with trials.sweep_run("seed=0,1", resume=False) as parent:
        trials.describe(parent, [best], best, "the command")
    (run,) = recorded_runs()
    assert run.data.metrics == {"best_val_accuracy": pytest.approx(0.85), "best_test_accuracy": 0.5}
