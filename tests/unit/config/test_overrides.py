"""The list of overrides in params.yaml."""

from collections.abc import Callable

import pytest

from digits.base.errors import UserError
from digits.config.params import in_params
from digits.config.schema import compose


def test_they_apply(set_params: Callable[..., None]) -> None:
    set_params(overrides=["model.dropout=0.5", "recipe.optimizer.momentum=0.8", "model.filters=[4,8]"])
    config = compose()
    assert config.model.arguments == {"filters": [4, 8], "first_layer": "learnt", "dropout": 0.5}
    assert config.recipe.optimizer.model_dump() == {"name": "sgd", "momentum": 0.8, "nesterov": True}


def test_the_last_of_two_for_one_key_applies(set_params: Callable[..., None]) -> None:
    set_params(overrides=["model.dropout=0.5", "model.dropout=0.25"])
    assert compose().model.arguments["dropout"] == 0.25


def test_the_command_line_wins_over_them(set_params: Callable[..., None]) -> None:
    set_params(overrides=["model.dropout=0.5", "recipe.rotation=15"])
    config = compose(["model.dropout=0.25"])
    assert (config.model.arguments["dropout"], config.recipe.rotation) == (0.25, 15)


def test_a_wrong_one_does_no_harm_if_the_command_line_replaces_it(set_params: Callable[..., None]) -> None:
    set_params(overrides=["model.dropout=3"])
    assert compose(["model.dropout=0.25"]).model.arguments["dropout"] == 0.25


def test_they_do_not_outlive_the_composition(set_params: Callable[..., None]) -> None:
    set_params(overrides=["model.dropout=0.5"])
    compose()
    set_params()
    assert compose().model.arguments["dropout"] == 0.3


@pytest.mark.parametrize("overrides", ["model.dropout=0.5", None, {"model.dropout": 0.5}, [3], [["a.b=1"]]])
def test_what_is_not_a_list_of_text_is_refused(overrides: object, set_params: Callable[..., None]) -> None:
    set_params(overrides=overrides)
    with pytest.raises(UserError) as error:
        compose()
    assert str(error.value) == (
        f"overrides: must be a list of Hydra overrides, not {overrides!r} ({in_params()})"
    )


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("model.dropout", "is no override; write KEY=VALUE"),
        ("", "is no override; write KEY=VALUE"),
        ("model.dropout=[", "has an open bracket; write 'model.dropout=[]'"),
        ("model.dropout=0.1,0.2", "must be KEY=VALUE with one value"),
        ("model.dropout=range(3)", "must be KEY=VALUE with one value"),
        ("model.dropout=interval(0,1)", "must be KEY=VALUE with one value"),
        ("+model.units=3", "must be KEY=VALUE with one value"),
        ("++model.dropout=0.5", "must be KEY=VALUE with one value"),
        ("~model.dropout", "must be KEY=VALUE with one value"),
        ("seed=1", "set the key seed instead"),
        ("model=small", "set the key model instead"),
        ("optimizer=adam", "set the key optimizer instead"),
        ("data.test=500", "write a preset in conf/data/ instead, since DVC fetches the images of a preset"),
        ("hydra.run.dir=x", "must change a key of the model or the recipe"),
        ("hydra/launcher=joblib", "must change a key of the model or the recipe"),
        ("out=x", "must change a key of the model or the recipe"),
        ("model_file=x", "must change a key of the model or the recipe"),
    ],
)
def test_another_kind_of_override_is_refused(
    override: str, reason: str, set_params: Callable[..., None]
) -> None:
    set_params(overrides=["recipe.rotation=1", override])
    with pytest.raises(UserError) as error:
        compose()
    message = str(error.value)
    assert message.startswith(f"overrides: {override}: {reason}")
    assert message.endswith(f" ({in_params()})")


def test_an_override_for_a_hydra_package_is_refused(set_params: Callable[..., None]) -> None:
    set_params(overrides=["model.dropout@recipe=0.5"])
    with pytest.raises(UserError, match=r"^overrides: model.dropout@recipe=0.5: "):
        compose()


def test_what_auto_stands_for_is_refused_with_the_key_to_use(set_params: Callable[..., None]) -> None:
    set_params(overrides=["recipe.epochs=3"])
    with pytest.raises(
        UserError, match=r"recipe.epochs: is what epochs=auto stands for; set epochs=3 instead"
    ):
        compose()
