"""JSON schemas of params.yaml and conf/, with which editors complete, check and explain these files. They are
made from the types that commands check the configuration with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from digits.base.files import with_parents
from digits.base.paths import CONF, PARAMS, ROOT
from digits.config.compose import ACCEPT_AUTO
from digits.config.options import Options, Resources
from digits.config.params import CHOSEN_BY_RECIPE, KEYS, PRESETS
from digits.config.schema import Config
from digits.development.json_schema import (
    JsonSchema,
    documented_keys,
    explained,
    in_one_line,
    of_keys,
    of_signature,
    of_type,
    partial,
    without_key,
    yaml_comments,
)
from digits.models import ARCHITECTURES
from digits.search.space import Dimension, Settings

FOLDER = ROOT / ".vscode/schemas"
DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that the YAML extension knows in full
GROUPS = (*PRESETS, *CHOSEN_BY_RECIPE)
OWN_OF_TUNE = ("study", "study_store")
SEARCHED = ("learning_rate", "batch_size", "epochs")  # keys of params.yaml, all of them numbers
DEFAULTS = {"type": "array", "items": {"type": ["string", "object"]}}  # Hydra's own list
INTERPOLATION = {"type": "string", "pattern": r"^\$\{"}
SCALAR = {"type": ["string", "number", "boolean"]}


def outdated(folder: Path = FOLDER) -> list[Path]:
    """Return the files in the folder that `write` would change, add or remove."""
    wanted = {folder / name: text for name, text in _files().items()}
    there = {file: file.read_text(encoding="utf-8") for file in folder.glob("*.json")}
    return sorted(file for file in wanted.keys() | there.keys() if wanted.get(file) != there.get(file))


def write(folder: Path = FOLDER) -> list[Path]:
    """Write the schemas, and return the files that changed."""
    changed, texts = outdated(folder), _files()
    for file in changed:
        if file.name in texts:
            with_parents(file).write_text(texts[file.name], encoding="utf-8")
        else:
            file.unlink()
    return changed


def _files() -> dict[str, str]:
    made = {name: {"$schema": DRAFT} | schema for name, schema in schemas().items()}
    return {f"{name}.json": json.dumps(schema, indent=2) + "\n" for name, schema in made.items()}


def schemas() -> dict[str, JsonSchema]:
    """Return the schema of params.yaml, that of conf/config.yaml and conf/tune.yaml (`primary`), and one for
    each folder of presets."""
    keys: JsonSchema = of_type(Config)["properties"]
    sections = {group: without_key(keys[group], "name") for group in PRESETS}
    for network in sections["model"]["anyOf"]:
        build = ARCHITECTURES[network["properties"]["network"]["const"]].build
        network["description"] = in_one_line(build.__doc__ or "")
    params = _params(keys)
    primary = yaml_comments(CONF / "config.yaml") | yaml_comments(CONF / "tune.yaml")
    return {
        "params": params,
        "primary": explained(_primary(), primary),
        "data": explained(sections["data"], documented_keys(ROOT / "docs/images.md")),
        "model": _explained_by("model/compact.yaml", sections["model"]),
        "recipe": _explained_by("recipe/onecycle.yaml", _recipe(sections["recipe"])),
        "optimizer": explained(sections["recipe"]["properties"]["optimizer"], {}),
        "schedule": _explained_by("schedule/onecycle.yaml", sections["recipe"]["properties"]["schedule"]),
        "search": _explained_by("search/compact.yaml", _search(sections)),
        "sweep": explained(_sweep(params, sections), {}),
        "launcher": _launcher(),
    }


def _explained_by(preset: str, schema: JsonSchema) -> JsonSchema:
    return explained(schema, yaml_comments(CONF / preset))


def _params(keys: JsonSchema) -> JsonSchema:
    values = keys | {"threads": of_type(Resources)["properties"]["threads"]}
    for key in ACCEPT_AUTO:
        values[key] = {"anyOf": [{"const": "auto"}, values[key]]}
    values |= {group: _preset(group, auto=group in CHOSEN_BY_RECIPE) for group in GROUPS}
    override = {"type": "string", "pattern": r"^(model|recipe)\.[^=]+="}
    values["overrides"] = {"type": "array", "items": override}
    return explained(of_keys({key: values[key] for key in KEYS}, required=KEYS), yaml_comments(PARAMS))


def _preset(group: str, auto: bool = False) -> JsonSchema:
    """Return a schema of the name of a preset, with those as examples that the comment in params.yaml lists.
    An editor completes these, but does not call somebody's own preset wrong, and no schema changes for it."""
    presets = sorted(file.stem for file in (CONF / group).glob("*.yaml"))
    comment = yaml_comments(PARAMS).get(group, "")
    listed = [preset for preset in presets if re.search(rf"\b{preset}\b", comment)]
    return {"type": "string", "examples": [*(["auto"] if auto else []), *listed]}


def _primary() -> JsonSchema:
    options = of_type(Options)["properties"] | {key: {"type": "string"} for key in OWN_OF_TUNE}
    values = {key: {"anyOf": [option, INTERPOLATION]} for key, option in options.items()}
    return of_keys({"defaults": DEFAULTS, **values, "hydra": {"type": "object"}})


def _recipe(section: JsonSchema) -> JsonSchema:
    # what the presets of the optimizer and the schedule say can be changed
    changed = {group: partial(section["properties"][group]) for group in CHOSEN_BY_RECIPE}
    required = [key for key in section["required"] if key not in changed]
    recipe = section | {"properties": section["properties"] | changed, "required": required}
    choice = of_keys({f"override /{group}": _preset(group) for group in CHOSEN_BY_RECIPE})
    defaults = {"type": "array", "items": {"anyOf": [choice, {"const": "_self_"}]}}
    return of_keys({"defaults": defaults, "recipe": recipe}, required=["recipe"])


def _search(sections: Mapping[str, JsonSchema]) -> JsonSchema:
    settings, dimension = of_type(Settings), {"$ref": "#/definitions/dimension"}
    inner = {group: partial(sections[group], dimension) for group in ("recipe", "model")}
    for key in SEARCHED:
        del inner["recipe"]["properties"][key]
    space = of_keys({key: dimension for key in SEARCHED} | inner) | {"minProperties": 1}
    schema = settings | {"properties": settings["properties"] | {"space": space}}
    return schema | {"definitions": {"dimension": explained(of_type(Dimension), {})}}


def _sweep(params: JsonSchema, sections: Mapping[str, JsonSchema]) -> JsonSchema:
    described = {key: SCALAR | {"description": params["properties"][key]["description"]} for key in KEYS[:-1]}
    swept = of_keys(described) | {"patternProperties": {r"^(model|recipe)\.|^hydra[./]": SCALAR}}
    sweeper = {"type": "object", "properties": {"params": swept}}
    hydra = {"type": "object", "properties": {"sweeper": sweeper}}
    fixed = {key: value for key, value in params["properties"].items() if key not in (*GROUPS, "overrides")}
    inner = {group: partial(sections[group]) for group in ("recipe", "model")}
    return of_keys({"defaults": DEFAULTS, "hydra": hydra} | fixed | inner)


def _launcher() -> JsonSchema:
    from hydra_plugins.ray_launcher import RayLauncher
    from hydra_plugins.slurm_launcher import SlurmLauncher

    alternatives, targets = [], []
    for preset, launcher in (("ray", RayLauncher), ("slurm", SlurmLauncher)):
        targets.append(f"{launcher.__module__}.{launcher.__name__}")
        comments = yaml_comments(CONF / f"hydra/launcher/{preset}.yaml")
        schema = of_signature(launcher)
        values = {key: {} for key in comments} | schema["properties"] | {"_target_": {"const": targets[-1]}}
        alternatives.append(explained(schema | {"properties": values}, comments))
    other = of_keys({"_target_": {"not": {"enum": targets}}}) | {"additionalProperties": True}
    return {"anyOf": [*alternatives, other]}
