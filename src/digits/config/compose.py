"""Compose the configuration with Hydra, and check it: the one place where that is done."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from digits.base.errors import UserError, message_of
from digits.base.paths import CONF
from digits.base.section import Schema, did_you_mean, unknown_key, validate
from digits.config.naming import shortened_override
from digits.config.options import Options, resolve_resources
from digits.config.params import (
    CHOSEN_BY_RECIPE,
    KEYS,
    KEYS_OF_COMMANDS,
    PRESETS,
    check_presets,
    in_params,
    read_params,
)
from digits.config.stored import store_params
from digits.config.words import key_meant, keys_of_presets, read_overrides

GROUPS = (*PRESETS, *CHOSEN_BY_RECIPE, "search")
VERSION_BASE = "1.3"  # whose defaults Hydra follows
BY_RECIPE = ("learning_rate", "epochs", "batch_size")  # what auto leaves to the recipe
ACCEPT_AUTO = (*BY_RECIPE, "threads")
DEFAULT_OF_RECIPE = re.compile(r"\+*recipe\.(epochs|batch_size|learning_rate)\b")
OF_TUNE = ("search", "study", "study_store")  # keys of conf/tune.yaml


@dataclasses.dataclass(frozen=True)
class Composed:
    """What Hydra composed, as plain values: not checked yet."""

    values: dict[str, Any]
    presets: dict[str, str | None]  # the file name in each group
    resources: dict[str, Any]  # which replace their keys in `values`
    from_params: tuple[str, ...]  # the overrides of params.yaml
    overrides: tuple[str, ...]  # those of the command line
    from_search: tuple[str, ...] = ()  # those that a search tries

    @property
    def label(self) -> str:
        """How the experiment departs from its presets, for the names of runs: which keys of them are changed,
        and what is not left to the recipe."""
        given = (*self.from_params, *self.overrides)
        in_presets = tuple(f"{group}." for group in PRESETS)
        chosen = tuple(f"{group}=" for group in CHOSEN_BY_RECIPE)
        changed = [each for each in given if each.lstrip("+~").startswith((*in_presets, *chosen))]
        values = {key: self.values.get(key, "auto") for key in BY_RECIPE}
        changed += [f"{key}={value}" for key, value in values.items() if value != "auto"]
        return " ".join(map(shortened_override, changed))

    def source(self, path: list[str]) -> str:
        """Return where the value at `path` was set, for an error message."""
        key = ".".join(path)
        for source, overrides in (
            ("search.space", self.from_search),
            ("command line", self.overrides),
            (in_params(), self.from_params),
        ):
            keys = {override.lstrip("+~").partition("=")[0] for override in overrides} - set(GROUPS)
            if any(f"{key}.".startswith(f"{each}.") or each.startswith(f"{key}.") for each in keys):
                return source
        group = next((part for part in reversed(path[:2]) if part in GROUPS), "")
        if preset := self.presets.get(group):
            return f"conf/{group}/{preset}.yaml"
        return in_params() if key in KEYS else ""


def prepare(with_overrides: bool = True) -> list[str]:
    """Make Hydra know the values of params.yaml, and return the overrides in it.

    Raises UserError if params.yaml or a file in conf/ cannot be used.
    """
    params = read_params()
    check_presets()
    return store_params(params, with_overrides)


def compose_values(
    overrides: Sequence[str] = (), primary: str = "config", presets_only: bool = False
) -> Composed:
    """Return what Hydra composes from params.yaml, conf/ and `overrides`, beginning with conf/`primary`.yaml.
    With `presets_only` the overrides of params.yaml are left out.

    Raises UserError if Hydra cannot.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from_params = prepare(with_overrides=not presets_only)
    read_overrides(overrides)
    running = GlobalHydra.instance().hydra  # if this is part of a command that Hydra has started
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base=VERSION_BASE):
            composed = compose(primary, overrides=list(overrides), return_hydra_config=True)
        return to_plain_values(composed, composed.hydra, from_params)
    except of_composition() as error:
        raise UserError(in_one_line(error)) from None
    finally:
        if running:
            GlobalHydra.instance().initialize(running)


def to_plain_values(composed: Any, hydra: Any, from_params: Sequence[str]) -> Composed:
    """Return what was composed, without Hydra's own node, whose content is `hydra`."""
    from omegaconf import OmegaConf

    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    values: Any = OmegaConf.to_container(own, resolve=True)
    multirun = OmegaConf.select(hydra, "mode") is not None and hydra.mode.name == "MULTIRUN"
    resources = resolve_resources(values.get("threads"), hydra.launcher if multirun else {})
    presets = {group: hydra.runtime.choices.get(group) for group in GROUPS}
    return Composed(values, presets, resources, tuple(from_params), tuple(hydra.overrides.task))


def parse(composed: Composed, schema: type[Schema]) -> Schema:
    """Return the part of what was composed that `schema` describes.

    Raises UserError with every wrong key, its source, and what is allowed.
    """
    known = {*KEYS_OF_COMMANDS, *Options.model_fields, *(OF_TUNE if composed.presets["search"] else ())}
    if unknown := set(composed.values) - known:
        raise UserError(unknown_key(unknown, KEYS_OF_COMMANDS))
    for override in (*composed.from_params, *composed.overrides):
        if match := DEFAULT_OF_RECIPE.match(override):
            key, (_, _, value) = match[1], override.partition("=")
            where = "" if override in composed.overrides else f" ({in_params()})"
            raise UserError(
                f"recipe.{key}: is what {key}=auto stands for; set {key}={value or '...'} instead{where}"
            )
    values = composed.values | composed.resources
    values = {key: value for key, value in values.items() if key in schema.model_fields}
    for group in (each for each in PRESETS if each in schema.model_fields):
        section, preset = values.get(group), composed.presets[group]
        if not isinstance(section, dict) or not preset:
            raise UserError(f"{group}: must name one preset of conf/{group}/")
        if "name" in section:
            raise UserError(f"{group}.name: unknown key; a preset is named by its file")
        values[group] = {"name": preset} | section
    for group in (each for each in CHOSEN_BY_RECIPE if each in schema.model_fields):
        if not composed.presets[group]:
            raise UserError(f"{group}: must name one preset of conf/{group}/")
        values[group] = composed.presets[group]
    return validate(schema, values, composed.source, ACCEPT_AUTO)


def of_composition() -> tuple[type[Exception], ...]:
    """Return the errors that Hydra and OmegaConf raise for a configuration that is wrong."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    return HydraException, OmegaConfBaseException, ValueError


def in_one_line(error: BaseException) -> str:
    """Return what Hydra says is wrong, in one line and in this project's words."""
    from hydra.errors import MissingConfigException

    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, preset = error.missing_cfg_file.rpartition("/")
        return _no_preset(group, preset, error.options)
    if unknown := re.match(r"Could not override '(([^'.]*)[^']*)'", str(error)):
        return _no_key(*unknown.groups())
    if merged := re.match("Error merging override (.*)", str(error)):
        return f"{merged[1]}: is no value for this key; write one of the kind that it has in conf/"
    return message_of(error)


def _no_preset(group: str, preset: str, presets: Sequence[str]) -> str:
    meant = did_you_mean(preset, presets)
    where = f" ({in_params()})" if read_params().get(group) == preset else ""
    new = "; docs/images.md says how to write one" if group == "data" else ""
    return f"{group}: no preset {preset} in conf/{group}/; there is {', '.join(presets)}{new}{meant}{where}"


def _no_key(key: str, group: str) -> str:
    if key == "overrides":
        return "overrides: is a key of params.yaml; a command line has them one by one: model.dropout=0.5"
    if key in OF_TUNE or (group == "search" and key in keys_of_presets()):
        return f"{key}: is a key of src/tune.py alone"
    if files := keys_of_presets().get(key):
        return f"{key}: the chosen preset has no such key; it is in {', '.join(files)}"
    if key.startswith("search.space."):
        return f"{key}: is not in the space of this search; to add it write '+{key}={{low: ..., high: ...}}'"
    if group == "hydra":
        return f"{key}: unknown key of Hydra; --cfg hydra lists those that there are"
    meant = key_meant(key, (*Options.model_fields, *OF_TUNE))
    allowed = f"see conf/{group}/" if group in GROUPS else f"the keys are {', '.join(KEYS_OF_COMMANDS)}"
    return f"{key}: unknown key; {allowed}{meant}"
