"""A search is checked before it starts, and has a configuration for every point of its space."""

from typing import Any

import optuna
import pytest

from digits.base.errors import UserError
from digits.search.search import Search, read_search
from support import make_request, make_search_request

pytestmark = pytest.mark.usefixtures("any_data")


def read(*overrides: str, **changes: Any) -> Search:
    return read_search(make_search_request("model.filters=[16,48,96]", *overrides, **changes))


def one(key: str, **dimension: Any) -> dict[str, Any]:
    return {"space": {key: dimension}}


def test_a_point_of_the_space_is_a_configuration() -> None:
    space = {
        "learning_rate": {"low": 0.01, "high": 1, "log": True},
        "recipe": {"shift": {"low": 0, "high": 4, "step": 2}, "optimizer.momentum": {"low": 0, "high": 0.9}},
        "model": {"filters": {"choices": [[8], [8, 16]]}},
    }
    point = {"learning_rate": 0.123456, "recipe.shift": 2, "recipe.optimizer.momentum": 0.5}
    trial = optuna.trial.FixedTrial({**point, "model.filters": "[8, 16]"}, number=7)
    request = read(space=space).at(trial, parent_run="0123abc")
    assert request.config.learning_rate == 0.1235
    assert request.config.recipe.shift == 2
    assert request.config.recipe.optimizer.model_dump() == {"name": "sgd", "momentum": 0.5, "nesterov": True}
    assert request.config.model.arguments == {"filters": [8, 16], "first_layer": "learnt", "dropout": 0.3}
    assert request.options.parent_run == "0123abc"
    assert request.options.run_name == "#7 lr=0.1235 shift=2 momentum=0.5 filters=[8,16]"


def test_what_is_not_searched_is_the_same_in_every_trial() -> None:
    search = read("seed=3", **one("recipe.shift", low=0, high=4))
    parameters = search.at(optuna.trial.FixedTrial({"recipe.shift": 4})).config.parameters()
    assert parameters == search.request.config.parameters() | {"recipe.shift": 4}
    assert parameters["seed"] == 3


@pytest.mark.parametrize(
    ("overrides", "changes"),
    [
        ((), {"trials": 99}),
        ((), {"pruner": {"name": "none"}}),
        (("threads=1",), {}),
        (("learning_rate=0.3",), {}),  # searched
    ],
)
def test_the_study_has_the_same_name_with_what_leaves_trials_comparable(
    overrides: tuple[str, ...], changes: dict[str, Any]
) -> None:
    assert read(*overrides, **changes).study == read().study


@pytest.mark.parametrize(
    ("overrides", "changes"),
    [
        (("epochs=9",), {}),
        (("seed=1",), {}),
        (("data.test=900",), {}),
        (("recipe.scaling=0",), {}),
        ((), one("learning_rate", low=0.1, high=0.2)),
    ],
)
def test_the_study_has_another_name_with_what_makes_trials_incomparable(
    overrides: tuple[str, ...], changes: dict[str, Any]
) -> None:
    assert read(*overrides, **changes).study != read().study


def test_the_study_is_named_after_its_preset_or_as_asked_for() -> None:
    assert read().study == f"compact-{read().digest}"
    assert read("study=mine").study == "mine"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"space": None}, "search.space: is empty; name keys to search (conf/search/compact.yaml)"),
        ({"space": {"recipe": {}}}, "search.space: is empty"),
        (
            one("learning_rat", low=1, high=2),
            "search.space.learning_rat: unknown key; there is model.network, ",
        ),
        (one("recipe.learning_rate", low=1, high=2), "search.space.recipe.learning_rate: unknown key"),
        (one("recipe.learning_rate.sgd", low=1, high=2), "recipe.learning_rate.sgd: unknown key"),
        (one("recipe.epochs", low=1, high=2), "search.space.recipe.epochs: unknown key"),
        (one("recipe.warmup", low=1, high=2), "search.space.recipe.warmup: unknown key"),
        (
            one("model", choices=["compact"]),
            "search.space.model: a search stays within presets; python src/exp",
        ),
        (one("optimizer", choices=["sgd"]), "search.space.optimizer: a search stays within presets"),
        (one("seed", low=0, high=9), "search.space.seed: cannot be searched, since it makes no model better"),
        (one("threads", low=1, high=9), "search.space.threads: cannot be searched, since it makes no model"),
        (
            one("data.test", choices=[10]),
            "search.space.data.test: cannot be searched, since trials are compared",
        ),
        (one("validation", choices=[0.2]), "search.space.validation: cannot be searched, since trials are"),
        (one("epochs", low=2, high=1), "search.space.epochs: low must be less than high, not 2 and 1"),
        (one("epochs", low="a", high=2), "search.space.epochs.low: must be a number, not 'a'"),
        (one("epochs", low=1), "search.space.epochs.high: field required (conf/search/compact.yaml)"),
        (one("epochs", choices=[]), "search.space.epochs.choices: list should have at least 1 item"),
        (
            one("epochs", low=0, high=2),
            "epochs: input should be greater than 0 or auto, not 0 (search.space)",
        ),
        (one("batch_size", choices=[8, "x"]), "batch_size: input should be a valid integer or auto, not 'x'"),
        (
            one("recipe.shift", low=0, high=15),
            "recipe.shift: input should be less than or equal to 14, not 15",
        ),
        ({"trials": 0}, "search.trials: input should be greater than 0, not 0 (conf/search/compact.yaml)"),
        ({"trails": 5}, "search: unknown key trails; allowed: trials, sampler, pruner, space"),
        ({"sampler": {"name": "tpe"}}, "search.sampler.seed: field required"),
        ({"pruner": {"name": "medium"}}, "search.pruner: input tag 'medium' found using 'name' does not"),
    ],
)
def test_a_wrong_search_is_refused_in_one_line(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as refusal:
        read(**changes)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("validation=0", "validation: a search chooses by validation accuracy; set it above 0"),
        ("study=null", "study: must be a name or auto, not None"),
        ("study=''", "study: must be a name or auto, not ''"),
    ],
)
def test_a_search_that_cannot_choose_or_has_no_name_is_refused(override: str, complaint: str) -> None:
    with pytest.raises(UserError) as refusal:
        read(override)
    assert str(refusal.value) == complaint


def test_a_request_without_a_search_is_refused() -> None:
    with pytest.raises(UserError, match=r"^search: must name one preset of conf/search/$"):
        read_search(make_request())


def test_a_preset_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UserError, match=r"^search: no preset nope in conf/search/; there is compact$"):
        make_search_request("search=nope")
