"""The composition from params.yaml, conf/ and overrides, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from digits.base.errors import UserError
from digits.base.paths import CONF
from digits.config.compose import compose_values
from digits.config.params import KEYS
from digits.config.schema import compose

LISTED = "data, model, recipe, optimizer, schedule, epochs, batch_size, learning_rate, seed, split_seed, "
RECIPE_KEYS = "name, optimizer, schedule, selection, micro_batches, weight_decay, label_smoothing, "


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epoch=3", f"epoch: unknown key; the keys are {LISTED}"),
        ("+epoch=3", f"unknown key epoch; allowed: {LISTED}"),
        ("+recipe.warmup=1", f"recipe: unknown key warmup; allowed: {RECIPE_KEYS}"),
        ("recipe.momentum=1", "recipe.momentum: unknown key; see conf/recipe/"),
        ("~seed", "seed: field required (command line)"),
        ("~model.filters", "model.filters: field required (command line)"),
        ("epochs=0", "epochs: input should be greater than 0 or auto, not 0 (command line)"),
        ("epochs=ten", "epochs: input should be a valid integer or auto, not 'ten' (command line)"),
        ("seed=0.5", "seed: input should be a valid integer, not 0.5 (command line)"),
        ("seed=-1", "seed: input should be greater than or equal to 0, not -1 (command line)"),
        ("seed=auto", "seed: input should be a valid integer, not 'auto' (command line)"),
        ("validation=0.6", "validation: input should be less than or equal to 0.5, not 0.6 (command line)"),
        ("learning_rate=true", "learning_rate: input should be a valid number or auto, not True (command"),
        ("learning_rate=inf", "learning_rate: input should be a finite number or auto, not inf (command"),
        ("batch_size=null", "batch_size: input should be a valid integer or auto, not None (command line)"),
        ("model=nope", "model: no preset nope in conf/model/; there is best, compact, small, tiny, tutorial"),
        ("optimizer=nope", "optimizer: no preset nope in conf/optimizer/; there is adam, sgd"),
        ("schedule=nope", "schedule: no preset nope in conf/schedule/; there is constant, cosine, onecycle"),
        ("sweep=nope", "sweep: no preset nope in conf/sweep/; there is choices, presets"),
        ("recipe=null", "Config group override must be a string or a list"),
        ("~model", "model: must name one preset of conf/model/"),
        ("model=[compact,tutorial]", "model: must name one preset of conf/model/"),
        ("model.filters=[8,-1]", "model.filters.1: input should be greater than 0, not -1 (command line)"),
        ("model.filters=[]", "model.filters: list should have at least 1 item after validation, not 0"),
        ("model.network=nope", "model: input tag 'nope' found using 'network' does not match any of"),
        ("+model.name=x", "model.name: unknown key; a preset is named by its file"),
        ("recipe.optimizer.momentum=2", "recipe.optimizer.momentum: input should be less than 1, not 2"),
        ("+recipe.optimizer.x=2", "recipe.optimizer: unknown key x; allowed: name, momentum, nesterov"),
        ("data.test=0", "data.test: input should be greater than 0, not 0 (command line)"),
        ("epochs", "epochs: is no override; write KEY=VALUE, such as epochs=3"),
        ("seed=1,2", "seed=1,2: is more than one value; a sweep is python src/experiment.py -m seed=1,2"),
        ("seed=${nope}", "Interpolation key 'nope' not found"),
        ("recipe.epochs=3", "recipe.epochs: is what epochs=auto stands for; set epochs=3 instead"),
        (
            "++recipe.batch_size=50",
            "recipe.batch_size: is what batch_size=auto stands for; set batch_size=50",
        ),
        (
            "recipe.learning_rate.sgd=1",
            "recipe.learning_rate: is what learning_rate=auto stands for; set lea",
        ),
    ],
)
def test_a_wrong_override_is_refused_in_one_line(override: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        compose([override])
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(UserError) as error:
        compose(["seed=-1", "model.dropout=1"])
    assert str(error.value) == (
        "model.dropout: input should be less than 1, not 1 (command line); "
        "seed: input should be greater than or equal to 0, not -1 (command line)"
    )


def test_overrides_is_not_listed_as_a_key_that_the_command_line_can_set() -> None:
    with pytest.raises(UserError) as error:
        compose(["overrides=[]"])
    assert "threads, overrides" not in str(error.value)


@pytest.mark.parametrize("override", ["+overrides=[]", "+workers=3"])
def test_a_key_that_would_be_ignored_is_refused(override: str) -> None:
    with pytest.raises(UserError, match=override.strip("+").partition("=")[0]):
        compose([override])


def test_the_primary_configuration_has_no_key_of_the_experiment() -> None:
    own = yaml.safe_load((CONF / "config.yaml").read_text())
    assert not set(own) & set(KEYS)


def test_overrides_replace_values_and_presets() -> None:
    config = compose(["model=small", "model.dropout=0.5", "seed=7", "epochs=3"])
    assert config.model.name == "small"
    assert config.model.arguments["dropout"] == 0.5
    assert (config.seed, config.epochs) == (7, 3)


def test_presets_only_leaves_out_the_overrides_of_params_yaml(set_params: Callable[..., None]) -> None:
    set_params(overrides=["model.dropout=0.5"])
    plain, changed = (compose_values(presets_only=only) for only in (True, False))
    assert (plain.values["model"]["dropout"], changed.values["model"]["dropout"]) == (0.3, 0.5)
    assert (plain.from_params, changed.from_params) == ((), ("model.dropout=0.5",))


def test_the_label_says_how_an_experiment_departs_from_its_presets(set_params: Callable[..., None]) -> None:
    set_params(overrides=["model.dropout=0.5"])
    composed = compose_values(
        ["seed=1", "model=small", "recipe.optimizer.momentum=0.8", "schedule=cosine", "epochs=3", "out=a.b"]
    )
    assert composed.label == "dropout=0.5 momentum=0.8 cosine epochs=3"


def test_the_presets_are_known_by_the_names_of_their_files() -> None:
    presets = compose_values(["recipe=tutorial", "schedule=cosine"]).presets
    assert presets == {
        "data": "sample",
        "model": "compact",
        "recipe": "tutorial",
        "optimizer": "adam",
        "schedule": "cosine",
        "search": None,
    }


@pytest.mark.parametrize("override", ["seed=1", "seed=-1", "nope=1", "model=nope"])
def test_composing_inside_a_hydra_application_leaves_it_as_it_was(override: str, tmp_path: Path) -> None:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        running = GlobalHydra.instance().hydra
        try:
            assert compose([override]).seed == 1
        except UserError:
            assert override != "seed=1"
        assert GlobalHydra.instance().hydra is running


def test_composing_outside_an_application_leaves_none_behind() -> None:
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    compose()
    assert not GlobalHydra.instance().is_initialized()
