"""A real search, of two trials and then of three, in this process. The tests look at it."""

import contextlib
import dataclasses
import io
from pathlib import Path
from typing import Any

import mlflow
import pytest

from digits.search.tuning import tune
from support import make_search_request, metric_points, recorded_runs

SEARCH: dict[str, Any] = {
    "sampler": {"name": "random", "seed": 1},
    "pruner": {"name": "threshold", "lower": 0.15},
    "space": {
        "learning_rate": {"choices": [0.0000001, 0.2]},
        "recipe": {"optimizer": {"momentum": {"low": 0.8, "high": 0.95}}},
    },
}


@dataclasses.dataclass(frozen=True)
class Searched:
    """What a search printed and returned, and where it wrote to."""

    printed: str
    accuracy: float
    out: Path


def search(trials: int, out: Path) -> Searched:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        accuracy = tune(make_search_request(trials=trials, out=out, **SEARCH))
    return Searched(printed.getvalue(), accuracy, out)


@pytest.fixture(scope="module")
def searches(workspace: Path) -> list[Searched]:
    """A search of two trials, then of three, then of three again."""
    return [search(trials, workspace / str(number)) for number, trials in enumerate((2, 3, 3))]


@pytest.fixture
def trials(searches: list[Searched]) -> list[mlflow.entities.Run]:
    assert searches
    return [run for run in recorded_runs() if "trial" in run.data.tags]


@pytest.fixture
def parent(searches: list[Searched]) -> mlflow.entities.Run:
    assert searches
    (found,) = recorded_runs("tags.study_key != ''")
    return found


@pytest.fixture
def winner(searches: list[Searched]) -> mlflow.entities.Run:
    assert searches
    (found,) = recorded_runs("tags.winner = 'true'")
    return found


def test_a_search_is_continued_with_more_trials(searches: list[Searched]) -> None:
    first, second, _ = searches
    assert [f"trial {number}" in first.printed for number in range(3)] == [True, True, False]
    assert [f"trial {number}: " in second.printed for number in range(2)] == [False] * 2
    assert "trial 2" in second.printed


def test_a_search_that_is_done_trains_nothing_and_reports_the_same(searches: list[Searched]) -> None:
    _, second, third = searches
    assert "epoch " not in third.printed
    assert third.accuracy == second.accuracy
    assert (
        third.printed.split("best by")[1].split("tables")[0]
        == second.printed.split("best by")[1].split("tables")[0]
    )


def test_trials_are_children_of_one_parent_and_numbered(
    trials: list[mlflow.entities.Run], parent: mlflow.entities.Run
) -> None:
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {parent.info.run_id}
    assert [run.data.tags["trial"] for run in trials] == list("012")
    for run in trials:
        rate, momentum = (run.data.params[key] for key in ("learning_rate", "recipe.optimizer.momentum"))
        assert run.info.run_name == f"#{run.data.tags['trial']} lr={rate} momentum={momentum}"
    assert {run.data.tags["study"] for run in trials} == {parent.data.tags["study"]}
    assert {run.info.status for run in [*trials, parent]} == {"FINISHED"}


def test_hopeless_trials_are_pruned_after_an_epoch(trials: list[mlflow.entities.Run]) -> None:
    hopeless = [run for run in trials if run.data.params["learning_rate"] == "1e-07"]
    assert 0 < len(hopeless) < 3
    assert [run for run in trials if "pruned" in run.data.tags] == hopeless
    for run in trials:
        epochs = [epoch for epoch, _ in metric_points(run.info.run_id, "val_accuracy")]
        assert epochs == ([1] if run in hopeless else [1, 2])


def test_the_winner_alone_has_seen_the_test_set(
    trials: list[mlflow.entities.Run], winner: mlflow.entities.Run, searches: list[Searched]
) -> None:
    assert not any("test_accuracy" in run.data.metrics for run in trials)
    printed = f"test accuracy of the winner: {winner.data.metrics['test_accuracy']:.2%}"
    assert all(printed in each.printed for each in searches[1:])


def test_the_winner_is_the_best_trial_trained_again_to_the_same_bits(
    trials: list[mlflow.entities.Run], winner: mlflow.entities.Run, searches: list[Searched]
) -> None:
    completed = [run for run in trials if "pruned" not in run.data.tags]
    best = max(completed, key=lambda run: run.data.metrics["val_accuracy"])  # the first of equals
    assert winner.data.tags["winner_of_trial"] == best.data.tags["trial"]
    assert winner.info.run_name == f"winner {best.info.run_name}"
    assert winner.data.params.items() >= best.data.params.items()
    assert winner.data.metrics["val_loss"] == best.data.metrics["val_loss"]
    assert searches[-1].accuracy == winner.data.metrics["val_accuracy"]


def test_the_parent_has_the_figures_the_ranking_and_the_command(
    parent: mlflow.entities.Run, winner: mlflow.entities.Run
) -> None:
    kept = {file.path for file in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
    assert {"optimization_history.png", "ranking.csv", "ranking.md", "ranking.png"} <= kept
    note = parent.data.tags["mlflow.note.content"]
    assert "dvc exp run --temp -S data=sample" in note
    momentum = winner.data.params["recipe.optimizer.momentum"]
    assert " -S learning_rate=0.2 " in note
    assert f'"recipe.optimizer.momentum={momentum}"' in note
    assert parent.data.params["space.learning_rate"] == "{'choices': [1e-07, 0.2]}"
    assert parent.data.params["shared.data"] == "sample"
    assert "shared.learning_rate" not in parent.data.params
    assert parent.data.metrics["best_test_accuracy"] == winner.data.metrics["test_accuracy"]


def test_the_model_of_the_winner_is_written(searches: list[Searched]) -> None:
    assert (searches[0].out / "models/model.keras").exists()
    assert (searches[-1].out / "summary/ranking.md").exists()
    assert not (searches[-1].out / "models").exists()  # nothing was trained
