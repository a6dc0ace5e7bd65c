"""The keys of a preset in conf/search/, and what Optuna is asked for."""

from typing import Any

import optuna
import pytest
from pydantic import ValidationError

from digits.search.space import Choices, Range, Settings, dimensions

SETTINGS: dict[str, Any] = {
    "trials": 3,
    "sampler": {"name": "random", "seed": 0},
    "pruner": {"name": "none"},
    "space": {"epochs": {"low": 1, "high": 2}},
}


def suggested(dimension: Range | Choices, value: object) -> Any:
    """Return the value of a key for which Optuna suggests `value`."""
    return dimension.suggest(optuna.trial.FixedTrial({"key": value}), "key")


def drawn(dimension: Range | Choices) -> set[Any]:
    """Return the values of a key in 50 random trials."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return {dimension.suggest(study.ask(), "key") for _ in range(50)}


def test_between_whole_ends_there_are_whole_numbers() -> None:
    assert drawn(Range(low=1, high=4)) == {1, 2, 3, 4}


def test_a_step_is_kept() -> None:
    assert drawn(Range(low=0, high=15, step=5)) == {0, 5, 10, 15}
    assert drawn(Range(low=0.0, high=0.5, step=0.25)) == {0.0, 0.25, 0.5}


def test_numbers_have_four_digits() -> None:
    assert suggested(Range(low=0.01, high=1, log=True), 0.123456) == 0.1235


@pytest.mark.parametrize("end", [0.12344, 0.98766])
def test_rounding_stays_within_the_range(end: float) -> None:
    assert suggested(Range(low=0.12344, high=0.98766), end) == end


def test_a_logarithmic_range_draws_as_often_from_each_order_of_magnitude() -> None:
    values = drawn(Range(low=0.0001, high=1.0, log=True))
    assert 15 < sum(value < 0.01 for value in values) < 35


def test_a_choice_can_be_a_list() -> None:
    assert suggested(Choices(choices=[[8], [8, 16]]), "[8, 16]") == [8, 16]
    assert drawn(Choices(choices=["a", 1, None])) == {"a", 1, None}


def test_nested_and_dotted_keys_are_the_same_dimensions() -> None:
    low_high, choices = {"low": 0, "high": 1}, {"choices": [1]}
    nested = {"recipe": {"optimizer": {"momentum": low_high}, "shift": choices}, "epochs": choices}
    dotted = {"recipe.optimizer.momentum": low_high, "recipe.shift": choices, "epochs": choices}
    assert dict(dimensions(nested)) == dict(dimensions(dotted)) == dotted


def test_what_a_preset_leaves_out_has_optunas_defaults() -> None:
    settings = Settings.model_validate(SETTINGS | {"pruner": {"name": "median"}})
    assert settings.pruner.model_dump() == {"name": "median", "n_startup_trials": 5, "n_warmup_steps": 0}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"low": 2, "high": 1}, "low must be less than high, not 2 and 1"),
        ({"low": 1, "high": 1}, "low must be less than high, not 1 and 1"),
        ({"low": 0, "high": 1, "log": True}, "log needs a low above 0, not 0"),
        ({"low": 1, "high": 2, "log": True, "step": 1}, "takes log or step, not both"),
        ({"low": "a", "high": 2}, "must be a number, not 'a'"),
        ({"low": True, "high": 2}, "must be a number, not True"),
        ({"low": 1, "high": 2, "steps": 3}, "unknown key steps; allowed: low, high, log, step"),
        ({"choices": []}, "at least 1 item"),
        ({"choices": [1], "low": 0}, "unknown key low; allowed: choices"),
    ],
)
def test_a_wrong_dimension_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Settings.model_validate(SETTINGS | {"space": {"epochs": changes}})


@pytest.mark.parametrize(
    "changes",
    [
        {"trials": 0},
        {"sampler": {"name": "tpe", "seed": -1}},
        {"sampler": {"name": "grid", "seed": 0}},
        {"pruner": {"name": "halving", "reduction_factor": 1}},
        {"pruner": {"name": "threshold", "lower": 1.5}},
        {"pruner": {"name": "threshold"}},
    ],
)
def test_a_wrong_number_of_trials_sampler_or_pruner_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(SETTINGS | changes)
