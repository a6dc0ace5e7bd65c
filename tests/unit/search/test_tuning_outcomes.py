"""What a search does with trials of all kinds. The training is scripted: nothing is learnt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest

from digits.base.errors import DivergedError, UserError
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.learning import training
from digits.learning.history import Epoch
from digits.search.tuning import tune
from support import make_search_request, recorded_runs, run_script

SCORES = {0.1: 0.6, 0.2: 0.8, 0.3: 0.8, 0.4: 0.7}  # validation accuracy by learning rate


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The learning rates that were trained with. SCORES has the results; other rates diverge."""
    rates: list[float] = []

    def train(
        config: Config, splits: Splits, on_epoch: Callable[[Epoch], object], *_: Any
    ) -> tuple[Any, list[Epoch]]:
        rates.append(config.learning_rate)
        if config.learning_rate not in SCORES:
            raise DivergedError("the loss is nan")
        epoch = Epoch(1, 0.9, 0.1, SCORES[config.learning_rate], SCORES[config.learning_rate], 0.2, 0.05, 1.5)
        on_epoch(epoch)
        return training.build_model(config.model, splits.shape, 10), [epoch]

    monkeypatch.setattr(training, "train", train)
    return rates


def search(*rates: float, **changes: Any) -> float:
    """Search among these learning rates at random, with as many trials. Return the winner's accuracy."""
    settings = {
        "trials": len(rates),
        "sampler": {"name": "random", "seed": 0},
        "pruner": {"name": "none"},
        "space": {"learning_rate": {"choices": list(rates)}},
    }
    return tune(make_search_request(out=Path("out"), **settings | changes))


def winners() -> list[mlflow.entities.Run]:
    return recorded_runs("tags.winner = 'true'")


@pytest.mark.usefixtures("place")
def test_of_equally_good_trials_the_earliest_wins(trained: list[float]) -> None:
    assert search(0.2, 0.3, trials=4) == 0.8
    assert [run.data.tags["winner_of_trial"] for run in winners()] == ["0"]
    assert len(trained) == 5
    assert trained[4] == trained[0]


@pytest.mark.usefixtures("place")
def test_a_better_trial_of_a_longer_search_takes_the_place_of_the_winner(trained: list[float]) -> None:
    trials = 1
    while not {0.1, 0.2} <= set(trained):
        accuracy = search(0.1, 0.2, trials=trials)
        trials += 1
    assert accuracy == 0.8
    (winner,) = winners()
    assert winner.data.params["learning_rate"] == "0.2"


@pytest.mark.usefixtures("trained")
def test_searches_in_two_clones_that_record_in_one_store_leave_each_other_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(0.1, trials=1)
    monkeypatch.setenv("DVC_ROOT", str(place / "clone"))
    (place / "clone").mkdir()
    monkeypatch.setattr(training, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        search(0.1, trials=1)
    first, second = recorded_runs("tags.study_key != ''")
    assert first.data.tags["study"] == second.data.tags["study"]
    assert [run.info.status for run in (first, second)] == ["FINISHED", "KILLED"]
    for parent, count in ((first, 2), (second, 1)):  # the first has a winner, too
        assert len(recorded_runs(f"tags.sweep = '{parent.info.run_id}'")) == count


def stop(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("place", "trained")
def test_a_trial_that_diverges_counts_as_pruned(capsys: pytest.CaptureFixture[str]) -> None:
    search(0.2, 9.0, trials=6)
    diverged = recorded_runs("tags.pruned = 'true'")
    assert {run.data.params["learning_rate"] for run in diverged} == {"9.0"}
    assert {run.info.status for run in diverged} == {"FINISHED"}
    printed = capsys.readouterr().out
    number = diverged[0].data.tags["trial"]
    assert f"trial {number} pruned: the loss is nan  learning_rate=9.0\n" in printed
    assert f"{6 - len(diverged)} trials completed, {len(diverged)} pruned, 0 failed or stopped\n" in printed


@pytest.mark.usefixtures("place", "trained")
def test_a_search_in_which_all_trials_were_pruned_has_no_winner() -> None:
    with pytest.raises(UserError) as refusal:
        search(8.0, 9.0)
    assert str(refusal.value) == "search.pruner: all 2 trials were pruned; choose a milder one"
    assert winners() == []
    assert [run.info.status for run in recorded_runs("tags.study_key != ''")] == ["FAILED"]


@pytest.mark.usefixtures("place", "trained")
def test_a_trial_that_fails_is_recorded_as_such_and_the_search_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted, calls = training.train, list[int]()

    def fails_first(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("no memory")
        return scripted(*arguments)

    monkeypatch.setattr(training, "train", fails_first)
    assert search(0.1, trials=2) == 0.6
    failed, *others, winner = recorded_runs("params.model != ''")
    assert (failed.info.status, failed.data.tags["error"]) == ("FAILED", "RuntimeError: no memory")
    assert [run.data.tags["trial"] for run in others] == ["1", "2"]
    assert winner.data.tags["winner_of_trial"] == "1"


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["search.space=null"], "search.space: is empty; name keys to search (command line)"),
        (["+search.space.epoch={low: 1, high: 2}"], "search.space.epoch: unknown key; there is model"),
        (["validation=0"], "validation: a search chooses by validation accuracy; set it above 0"),
        (["validation=0.3"], "validation: asked for 0.3, but"),
        (["search=nope"], "search: no preset nope in conf/search/; there is compact"),
        (["search.trails=3"], "search.trails: unknown key; see conf/search/"),
        (["-m"], "-m: a search makes its own trials; to share one, start the same command twice"),
        (["--multirun", "seed=0,1"], "-m: a search makes its own trials"),
    ],
)
def test_a_wrong_search_is_refused_in_one_line_and_starts_nothing(
    words: list[str], complaint: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("data=sample", "split_seed=0", "validation=0.1", "model=compact", "recipe=onecycle")
    message = str(run_script("tune.py", *data, *words))
    assert message.startswith(f"error: {complaint}")
    assert "\n" not in message
    assert capsys.readouterr().out == ""
    assert recorded_runs() == []
    assert not (place / "optuna.db").exists()
