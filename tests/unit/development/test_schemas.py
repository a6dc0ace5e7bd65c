"""The schemas in .vscode/schemas/ are current, accept what commands accept, and find typical mistakes."""

import copy
import json
import shutil
from pathlib import Path, PurePath
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from digits.base.paths import CONF, PARAMS, ROOT
from digits.config.params import load_yaml
from digits.development import schemas

SETTINGS = json.loads((ROOT / ".vscode/settings.json").read_text())["yaml.schemas"]
FILES = [PARAMS, *sorted(CONF.rglob("*.yaml"))]
OTHERS = (
    *("dvc.yaml", "compose.yaml", ".pre-commit-config.yaml", ".github/workflows/ci.yml"),
    *("tests/fuzz/inputs/params/valid.yaml", "outputs/2026-01-01/config.yaml", "conf/hydra/other.yaml"),
)
PHOTOS = {"source": "folder", "path": "~/photos", "color_mode": "rgb", "size": 32, "test": 0.2, "flip": True}
HARDEST = {"name": "hardest", "after": 1, "share": 0.5, "random": 1}
REMOVED = object()


def schemas_of(file: PurePath) -> list[str]:
    """Return the schemas that the editor uses for a file, whose path the patterns match from its end on."""
    patterns = {schema: [given] if isinstance(given, str) else given for schema, given in SETTINGS.items()}
    return [
        schema
        for schema, given in patterns.items()
        if any(file.match(pattern.removeprefix("/")) for pattern in given)
    ]


def errors(file: str, values: Any) -> list[str]:
    """Return what the schema of a file says against these values."""
    (schema,) = schemas_of(PurePath("/project", file))
    validator = Draft7Validator(json.loads((ROOT / schema).read_text()))
    return [error.message for error in validator.iter_errors(values)]


def changed(file: str, key: str, value: object) -> Any:
    """Return the values of a file, one of them changed, added or removed. `key` is dotted."""
    values = copy.deepcopy(load_yaml(ROOT / file))
    *path, last = key.split(".")
    section = values
    for part in path:
        section = section[part]
    if value is REMOVED:
        del section[last]
    else:
        section[last] = value
    return values


def test_the_schemas_are_current() -> None:
    assert schemas.outdated() == []


def test_outdated_schemas_are_found_and_written(tmp_path: Path) -> None:
    written = schemas.write(tmp_path / "new")
    assert [file.name for file in written] == sorted(Path(schema).name for schema in SETTINGS)
    assert schemas.outdated(tmp_path / "new") == []
    (tmp_path / "new/data.json").write_text("{}\n")
    (tmp_path / "new/former.json").write_text("{}\n")
    (tmp_path / "new/model.json").unlink()
    assert [file.stem for file in schemas.outdated(tmp_path / "new")] == ["data", "former", "model"]
    assert len(schemas.write(tmp_path / "new")) == 3
    assert schemas.outdated(tmp_path / "new") == []


@pytest.mark.parametrize("schema", SETTINGS)
def test_a_schema_is_one(schema: str) -> None:
    Draft7Validator.check_schema(json.loads((ROOT / schema).read_text()))


@pytest.mark.parametrize("file", [str(file.relative_to(ROOT)) for file in FILES])
def test_every_file_of_the_configuration_is_right(file: str) -> None:
    assert errors(file, load_yaml(ROOT / file)) == []


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_have_no_schema_of_ours(name: str) -> None:
    assert schemas_of(PurePath("/project", name)) == []


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("params.yaml", "data", "photos"),
        ("params.yaml", "epochs", 3),
        ("params.yaml", "learning_rate", 0.1),
        ("params.yaml", "overrides", ["model.dropout=0.5", "recipe.rotation=15"]),
        ("conf/data/letters.yaml", "size", [24, 32]),
        ("conf/data/letters.yaml", "test", 0.2),
        ("conf/data/mnist.yaml", "classes", ["zero", "one"]),
        ("conf/model/best.yaml", "filters", [[8], [16, 16]]),
        ("conf/recipe/sprint.yaml", "recipe.optimizer", {"momentum": 0.8}),
        ("conf/recipe/sprint.yaml", "recipe.selection", HARDEST),
        ("conf/search/compact.yaml", "space.recipe.optimizer.beta_1", {"low": 0.8, "high": 0.95}),
        ("conf/search/compact.yaml", "pruner", {"name": "threshold", "lower": 0.9}),
        ("conf/sweep/presets.yaml", "epochs", 3),
        ("conf/sweep/presets.yaml", "hydra.launcher", {"n_jobs": 2}),
        ("conf/hydra/launcher/slurm.yaml", "qos", "high"),
        ("conf/hydra/launcher/ray.yaml", "num_gpus", 0.5),
        ("conf/tune.yaml", "study", "mine"),
    ],
)  # fmt: skip
def test_what_somebody_may_well_write_is_accepted(file: str, key: str, value: object) -> None:
    assert errors(file, changed(file, key, value)) == []


def test_a_data_set_and_a_launcher_of_ones_own_are_accepted() -> None:
    assert errors("conf/data/photos.yaml", PHOTOS) == []
    assert errors("conf/hydra/launcher/mine.yaml", {"_target_": "mine.Launcher", "n_jobs": 2}) == []


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("params.yaml", "sed", 0),
        ("params.yaml", "seed", REMOVED),
        ("params.yaml", "seed", -1),
        ("params.yaml", "validation", 0.6),
        ("params.yaml", "epochs", 0),
        ("params.yaml", "epochs", "atuo"),
        ("params.yaml", "batch_size", 12.5),
        ("params.yaml", "data", ["mnist", "sample"]),
        ("params.yaml", "overrides", ["epochs=3"]),
        ("params.yaml", "overrides", "model.dropout=0.5"),
        ("conf/config.yaml", "resum", True),
        ("conf/config.yaml", "resume", "perhaps"),
        ("conf/data/letters.yaml", "size", 7),
        ("conf/data/letters.yaml", "size", [32]),
        ("conf/data/letters.yaml", "test", 1.5),
        ("conf/data/letters.yaml", "colour_mode", "rgb"),
        ("conf/data/letters.yaml", "path", REMOVED),
        ("conf/data/letters.yaml", "name", "letters"),
        ("conf/data/mnist.yaml", "source", "download"),
        ("conf/data/mnist.yaml", "sha256", {"train-images-idx3-ubyte.gz": "440fcabf"}),
        ("conf/model/compact.yaml", "network", "resnet"),
        ("conf/model/compact.yaml", "first_layer", "learned"),
        ("conf/model/compact.yaml", "dropout", 1),
        ("conf/model/compact.yaml", "filters", [[16, 48]]),
        ("conf/model/best.yaml", "filters", []),
        ("conf/model/tutorial.yaml", "dropout", 0.5),
        ("conf/recipe/onecycle.yaml", "recipe.rotaton", 8),
        ("conf/recipe/onecycle.yaml", "recipe.shift", 15),
        ("conf/recipe/onecycle.yaml", "recipe.selection.name", "hard"),
        ("conf/recipe/onecycle.yaml", "recipe.learning_rate.sgd", 0),
        ("conf/recipe/onecycle.yaml", "recipe.flip", REMOVED),
        ("conf/recipe/onecycle.yaml", "defaults", [{"override /optimiser": "sgd"}]),
        ("conf/recipe/onecycle.yaml", "epochs", 3),
        ("conf/optimizer/sgd.yaml", "momentum", 1),
        ("conf/optimizer/sgd.yaml", "beta_1", 0.9),
        ("conf/optimizer/sgd.yaml", "name", "rmsprop"),
        ("conf/schedule/onecycle.yaml", "warmup", "long"),
        ("conf/search/compact.yaml", "trials", 0),
        ("conf/search/compact.yaml", "sampler.name", "grid"),
        ("conf/search/compact.yaml", "pruner.lower", 0.9),
        ("conf/search/compact.yaml", "space.learning_rat", {"low": 0.1, "high": 1}),
        ("conf/search/compact.yaml", "space.recipe.epochs", {"low": 1, "high": 3}),
        ("conf/search/compact.yaml", "space.recipe.shift", 3),
        ("conf/search/compact.yaml", "space.model.dropout", {"low": 0.1, "hihg": 0.5}),
        ("conf/search/compact.yaml", "space", {}),
        ("conf/sweep/presets.yaml", "hydra.sweeper.params.modle", "tutorial,compact"),
        ("conf/hydra/launcher/ray.yaml", "num_cpus", "two"),
        ("conf/hydra/launcher/ray.yaml", "cpus", 2),
        ("conf/tune.yaml", "studdy", "mine"),
    ],
)  # fmt: skip
def test_a_typical_mistake_is_found(file: str, key: str, value: object) -> None:
    assert errors(file, changed(file, key, value))


def test_every_key_of_params_yaml_and_of_a_recipe_is_explained() -> None:
    made = schemas.schemas()
    for keys in (made["params"]["properties"], made["recipe"]["properties"]["recipe"]["properties"]):
        assert all(len(value["description"]) > 5 for value in keys.values())
    assert made["params"]["properties"]["seed"]["description"].startswith("of the initial weights")


def test_a_preset_of_ones_own_changes_no_schema_until_params_yaml_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "conf/data/photos.yaml").write_text(json.dumps(PHOTOS))
    monkeypatch.setattr(schemas, "CONF", tmp_path / "conf")
    assert schemas.outdated() == []
    params = tmp_path / "params.yaml"
    params.write_text(PARAMS.read_text().replace("conf/data/:", "conf/data/: photos,"))
    monkeypatch.setattr(schemas, "PARAMS", params)
    assert "photos" in schemas.schemas()["params"]["properties"]["data"]["examples"]
