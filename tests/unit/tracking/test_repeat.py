"""The command that repeats a run."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from digits.config import compose as composition
from digits.config.compose import compose_values, parse
from digits.config.schema import Config
from digits.tracking.repeat import repeat_command, to_override
from support import make_request

DEPARTURES = (
    "model.filters=[8,16]",
    "recipe.rotation=3",
    "recipe.optimizer.momentum=0.5",
    "recipe.schedule.warmup=0.25",
)


def recorded(*overrides: str) -> dict[str, str]:
    """Return the parameters of a run as MLflow gives them back."""
    return make_request(*overrides).config.recorded_parameters() | {"parameters": "1234"}


def repeated(command: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the parameters of the run that the command starts."""
    program, *words = shlex.split(command)
    if program == "python":
        composed = compose_values(words[1:], presets_only=True)
    else:  # dvc reads settings as Hydra does, and writes them to params.yaml
        settings = [OverridesParser.create().parse_override(word) for word in words[4::2]]
        params = {setting.key_or_group: setting.value() for setting in settings} | {"threads": 2}
        monkeypatch.setattr(composition, "read_params", lambda: params)
        composed = compose_values()
    return parse(composed, Config).recorded_parameters() | {"parameters": "1234"}


def test_the_command_has_the_presets_the_values_and_the_departures_of_the_run() -> None:
    assert repeat_command(recorded(*DEPARTURES)) == (
        "dvc exp run --temp -S data=sample -S model=compact -S recipe=onecycle -S optimizer=sgd "
        "-S schedule=onecycle -S epochs=2 -S batch_size=20 -S learning_rate=0.2 -S seed=0 -S split_seed=0 "
        '-S validation=0.1 -S \'overrides=["model.filters=[8,16]", "recipe.optimizer.momentum=0.5", '
        '"recipe.schedule.warmup=0.25", "recipe.rotation=3.0"]\''
    )


def test_a_run_of_presets_alone_departs_from_nothing() -> None:
    command = repeat_command(recorded("model.filters=[16,48,96]"))
    assert command.endswith(" -S 'overrides=[]'")


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(DEPARTURES, id="model, recipe, optimizer and schedule"),
        pytest.param(("model=best", "model.filters=[[8,16],[32]]"), id="nested list"),
        pytest.param(("model.first_layer=cosines",), id="string"),
        pytest.param(("optimizer=adam", "recipe.optimizer.epsilon=1e-08"), id="float with an exponent"),
        pytest.param(("learning_rate=1e-07",), id="value with an exponent"),
        pytest.param(("recipe.optimizer.nesterov=false",), id="boolean"),
        pytest.param(("optimizer=adam", "schedule=cosine", "seed=3"), id="other optimizer and schedule"),
        pytest.param(("recipe=tutorial", "model=tutorial", "model.filters=8"), id="other presets"),
        pytest.param(("data.test=900", "model.dropout=0.5"), id="other data"),
        pytest.param(("recipe.weight_decay=1e-05", "data.test=900"), id="other data and an exponent"),
        pytest.param(
            (
                "recipe=sprint",
                "recipe.selection.name=hardest",
                "+recipe.selection.after=1",
                "+recipe.selection.share=0.5",
                "+recipe.selection.random=0.25",
            ),
            id="keys that the preset lacks",
        ),
    ],
)
def test_the_command_gives_what_was_recorded(
    overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = recorded(*overrides)
    assert repeated(repeat_command(parameters), monkeypatch) == parameters


def test_what_params_yaml_says_does_not_change_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = recorded(*DEPARTURES)
    expected = repeat_command(parameters)
    params = {
        "data": "mnist",
        "model": "tutorial",
        "recipe": "tutorial",
        "optimizer": "adam",
        "schedule": "constant",
        "epochs": 7,
        "batch_size": 7,
        "learning_rate": 0.7,
        "seed": 7,
        "split_seed": 7,
        "validation": 0.2,
        "threads": 7,
        "overrides": ["model.units=7", "recipe.rotation=7", "recipe.optimizer.beta_1=0.7"],
    }
    monkeypatch.setattr(composition, "read_params", lambda: params)
    assert repeat_command(parameters) == expected


def test_departures_in_the_data_are_repeated_by_the_script_since_dvc_fetches_presets_alone() -> None:
    command = repeat_command(recorded("data.test=900", "model.first_layer=cosines"))
    assert command == (
        "python src/experiment.py data=sample model=compact recipe=onecycle optimizer=sgd schedule=onecycle "
        "epochs=2 batch_size=20 learning_rate=0.2 seed=0 split_seed=0 validation=0.1 "
        "data.test=900 'model.filters=[4,8]' model.first_layer=cosines"
    )


@pytest.mark.parametrize("group", ["data", "model", "recipe", "optimizer", "schedule"])
def test_a_preset_that_is_gone_gives_the_reason(group: str) -> None:
    command = repeat_command(recorded() | {group: "gone"})
    assert command.startswith("# cannot be repeated with the presets of today: ")
    assert f"{group}: no preset gone in conf/{group}/" in command
    assert "\n" not in command


def test_a_run_that_would_come_out_different_gives_the_reason() -> None:
    parameters = recorded()
    del parameters["schedule"]
    assert repeat_command(parameters) == (
        "# cannot be repeated with the presets of today: schedule would be onecycle; it was not recorded"
    )


@pytest.mark.parametrize(
    ("value", "override"),
    [
        (3, "key=3"),
        (0.5, "key=0.5"),
        (1e-07, "key=1e-07"),
        (True, "key=true"),
        (None, "key=null"),
        ("cosines", "key=cosines"),
        ("it's", "key='it\\'s'"),
        ("a,b", "key='a,b'"),
        ([1, [2, "x y"]], "key=[1,[2,'x y']]"),
    ],
)
def test_a_value_as_a_hydra_override(value: object, override: str) -> None:
    assert to_override("key", value) == override
