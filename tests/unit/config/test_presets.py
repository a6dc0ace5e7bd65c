"""Every preset in conf/ can be used, and a file that is not harmless YAML is refused with its name."""

import importlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from digits.base.errors import UserError
from digits.base.paths import CONF
from digits.config.compose import compose_values, parse
from digits.config.schema import Config, compose


def names(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("choice", [f"data={name}" for name in names("data")])
def test_a_preset_of_the_data_makes_a_valid_configuration(choice: str) -> None:
    assert f"data={compose([choice]).data.name}" == choice


@pytest.mark.parametrize("choice", [f"model={name}" for name in names("model")])
def test_a_preset_of_the_model_makes_a_valid_configuration(choice: str) -> None:
    assert f"model={compose([choice]).model.name}" == choice


@pytest.mark.parametrize("recipe", names("recipe"))
@pytest.mark.parametrize("optimizer", names("optimizer"))
def test_every_recipe_has_a_learning_rate_for_every_optimizer(recipe: str, optimizer: str) -> None:
    config = compose([f"recipe={recipe}", f"optimizer={optimizer}"])
    assert config.recipe.name == recipe
    assert config.optimizer == config.recipe.optimizer.name == optimizer
    assert config.learning_rate == config.recipe.learning_rate[optimizer]


@pytest.mark.parametrize("schedule", names("schedule"))
def test_a_preset_of_the_schedule_makes_a_valid_configuration(schedule: str) -> None:
    values = yaml.safe_load((CONF / f"schedule/{schedule}.yaml").read_text())
    config = compose([f"schedule={schedule}"])
    assert config.schedule == schedule
    assert config.recipe.schedule.model_dump() == values


def sweep_values(name: str) -> list[tuple[str, str]]:
    """Return the overrides of a named sweep: each value of each key."""
    parameters = yaml.safe_load((CONF / f"sweep/{name}.yaml").read_text())["hydra"]["sweeper"]["params"]
    split = {key: ["0", "4"] if "range(" in value else value.split(",") for key, value in parameters.items()}
    return list(itertools.chain(*([(key, value) for value in split[key]] for key in split)))


@pytest.mark.parametrize("sweep", names("sweep"))
def test_the_values_of_a_named_sweep_are_valid(sweep: str) -> None:
    values = sweep_values(sweep)
    assert len(values) > 3
    for key, value in values:
        compose([f"sweep={sweep}", f"{key}={value}"])


@pytest.mark.parametrize("search", names("search"))
def test_a_preset_of_the_search_composes_with_an_experiment(search: str) -> None:
    composed = compose_values([f"search={search}"], "tune")
    assert composed.values["search"] == yaml.safe_load((CONF / f"search/{search}.yaml").read_text())
    assert parse(composed, Config).model.name == "compact"


@pytest.mark.parametrize("launcher", names("hydra/launcher"))
def test_the_keys_of_a_launcher_are_what_its_class_takes(launcher: str) -> None:
    keys = yaml.safe_load((CONF / f"hydra/launcher/{launcher}.yaml").read_text())
    module, _, name = keys.pop("_target_").rpartition(".")
    getattr(importlib.import_module(module), name)(**keys)


def test_every_folder_of_presets_is_tested_here() -> None:
    tested = {"data", "model", "recipe", "optimizer", "schedule", "sweep", "search", "hydra"}
    assert {folder.name for folder in CONF.iterdir() if folder.is_dir()} == tested


def remake(file: Path, make: Callable[[Path], object]) -> None:
    file.unlink()
    make(file)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "FIFO": (os.mkfifo, "must be a regular file"),
    "folder": (Path.mkdir, "must be a regular file"),
    "dead link": (lambda file: file.symlink_to("nowhere"), "cannot be read: No such file or directory"),
}


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_regular_file_is_refused(conf: Path, kind: str) -> None:
    make, reason = FILES[kind]
    remake(conf / "model/compact.yaml", make)
    with pytest.raises(UserError) as error:
        compose()
    assert str(error.value) == f"{conf}/model/compact.yaml: {reason}"


ADDED = {
    "not UTF-8": b"# \xe9\n",
    "huge": 100_000 * b"#",
    "nested 50,000 deep": b"x: " + 50_000 * b"[",
    "aliases": b"a: &a [1]\nb: [*a, *a]\n",
    "broken syntax": b"x: [\n",
    "duplicate key": b"dropout: 0.1\n",
    "an empty key": b"null: 1\n",
    "a list as key": b"[1, 2]: 1\n",
    "a Python object": b"x: !!python/name:os.system\n",
    "a wrong date": b"x: !!timestamp x\n",
    "a set": b"x: !!set {a}\n",
    "half an interpolation": b"x: ${\n",
    "a number of 5,000 digits": b"x: " + 5_000 * b"9",
    "two documents": b"---\nx: 1\n",
}


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("kind", ADDED)
def test_a_preset_that_is_not_harmless_yaml_is_refused(conf: Path, kind: str) -> None:
    file = conf / "model/compact.yaml"
    file.write_bytes(file.read_bytes() + ADDED[kind])
    with pytest.raises(UserError, match=r"model/compact.yaml") as error:
        compose()
    assert "\n" not in str(error.value)


def test_a_damaged_preset_is_refused_even_if_it_is_not_chosen(conf: Path) -> None:
    (conf / "model/best.yaml").write_text("{")
    with pytest.raises(UserError, match=r"model/best.yaml: cannot be read"):
        compose()


def test_a_preset_may_not_change_what_is_outside_its_section(conf: Path) -> None:
    file = conf / "model/compact.yaml"
    file.write_text(f"# @package _global_\n{file.read_text()}")
    with pytest.raises(UserError, match=r"^unknown key dropout, filters, first_layer, network; "):
        compose()


def test_a_key_that_no_experiment_has_is_refused_in_the_primary_configuration(conf: Path) -> None:
    file = conf / "config.yaml"
    file.write_text(f"{file.read_text()}\nretries: 3\n")
    with pytest.raises(UserError, match=r"^unknown key retries; allowed: data, model"):
        compose()
