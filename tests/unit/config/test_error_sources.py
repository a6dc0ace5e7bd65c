"""An error names where the wrong value was set: params.yaml, a preset, or an override."""

from collections.abc import Callable
from pathlib import Path

import pytest

from digits.base.errors import UserError
from digits.base.paths import main_root
from digits.config.params import in_params
from digits.config.schema import compose


def refusal(*overrides: str) -> str:
    with pytest.raises(UserError) as error:
        compose(overrides)
    assert "\n" not in str(error.value)
    return str(error.value)


def edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))


def test_a_wrong_value_in_params_yaml(set_params: Callable[..., None]) -> None:
    set_params(seed="zero")
    assert refusal() == f"seed: input should be a valid integer, not 'zero' ({in_params()})"


def test_a_preset_that_does_not_exist_in_params_yaml(
    set_params: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_params(model="nope")
    monkeypatch.setattr("digits.config.params.ROOT", main_root())
    expected = "model: no preset nope in conf/model/; there is best, compact, small, tiny, tutorial"
    assert refusal() == f"{expected} (params.yaml; to restore it: git show HEAD:./params.yaml >params.yaml)"
    assert refusal("model=nope2") == expected.replace("nope", "nope2")


def test_what_dvc_runs_in_a_copy_of_the_project_needs_no_restoring(
    set_params: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    set_params(seed="zero")
    assert refusal().endswith(" (params.yaml)")


@pytest.mark.parametrize(
    "override",
    [
        "seed=-1",
        "~seed",
        "model.dropout=1",
        "++model.dropout=1",
        "recipe.optimizer.momentum=2",
        "recipe.optimizer={name: sgd, momentum: 2, nesterov: true}",
        "model.network=nope",
        "+model.nope=1",
        "+recipe.nope=1",
        "+recipe.optimizer.nope=1",
    ],
)
def test_a_wrong_override_on_the_command_line(override: str) -> None:
    assert refusal(override).endswith(" (command line)")


@pytest.mark.parametrize(
    "override", ["model.dropout=1", "recipe.optimizer.momentum=2", "model.nope=1", "recipe.optimizer.nope=1"]
)
def test_a_wrong_override_in_params_yaml(override: str, set_params: Callable[..., None]) -> None:
    set_params(overrides=[override])
    assert refusal().endswith(f" ({in_params()})")


def test_the_command_line_is_named_if_it_replaces_an_override_of_params_yaml(
    set_params: Callable[..., None],
) -> None:
    set_params(overrides=["model.dropout=0.5"])
    assert refusal("model.dropout=3").endswith("not 3 (command line)")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("recipe/onecycle.yaml", "shift: 1", "shifts: 1", "recipe: unknown key shifts; allowed: name, opt"),
        ("recipe/onecycle.yaml", "shift: 1", "shift: one", "recipe.shift: input should be a valid integer, "),
        ("model/compact.yaml", "filters:", "width:", "model: unknown key width; allowed: name, network, "),
        ("model/compact.yaml", "filters:", "3:", "model: unknown key 3; allowed: name, network, "),
        (
            "model/compact.yaml",
            "network: compact",
            "network: x",
            "model: input tag 'x' found using 'network'",
        ),
        ("optimizer/sgd.yaml", "momentum: 0.9", "momentum: 2", "recipe.optimizer.momentum: input should be"),
        ("schedule/onecycle.yaml", "warmup: 0.3", "warmup: 2", "recipe.schedule.warmup: input should be"),
        ("data/sample.yaml", "test: 1000", "test: 0", "data.test: input should be greater than 0, not 0"),
    ],
)
def test_a_wrong_preset(conf: Path, file: str, old: str, new: str, message: str) -> None:
    edit(conf / file, old, new)
    refused = refusal()
    assert refused.startswith(message)
    assert refused.endswith(f" (conf/{file})")


@pytest.mark.parametrize(
    ("choice", "file", "old", "new"),
    [
        ("model=tutorial", "model/tutorial.yaml", "filters: 32", "filters: 0"),
        ("model=tutorial", "model/tutorial.yaml", "filters: 32", "width: 32"),
        ("recipe=long", "recipe/long.yaml", "shift: 2", "shift: two"),
        ("recipe=tutorial", "optimizer/adam.yaml", "beta_1: 0.9", "beta_1: 2"),
        ("optimizer=adam", "optimizer/adam.yaml", "beta_1: 0.9", "beta_1: 2"),
        ("schedule=cosine", "schedule/cosine.yaml", "warmup: 0", "warmup: 2"),
        ("data=sample", "data/sample.yaml", "test: 1000", "test: 0"),
    ],
)
def test_a_wrong_preset_that_the_command_line_chose(
    conf: Path, choice: str, file: str, old: str, new: str
) -> None:
    edit(conf / file, old, new)
    assert refusal(choice).endswith(f" (conf/{file})")


def test_a_wrong_preset_of_which_the_command_line_changed_another_key(conf: Path) -> None:
    edit(conf / "recipe/onecycle.yaml", "shift: 1", "shifts: 1")
    assert refusal("recipe.rotation=3").endswith(" (conf/recipe/onecycle.yaml)")


def test_what_auto_stands_for_is_not_blamed_on_params_yaml(conf: Path) -> None:
    edit(conf / "recipe/onecycle.yaml", "epochs: 16", "epochs: 0")
    expected = "recipe.epochs: input should be greater than 0, not 0 (conf/recipe/onecycle.yaml)"
    assert refusal() == expected


def test_an_override_of_params_yaml_that_does_not_fit_the_model_of_the_command_line(
    set_params: Callable[..., None],
) -> None:
    set_params(overrides=["model.dropout=0.5"])
    expected = f"model: unknown key dropout; allowed: name, network, filters, units ({in_params()})"
    assert refusal("model=tutorial") == expected
