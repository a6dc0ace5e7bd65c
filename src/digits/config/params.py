"""Read params.yaml, and check that the YAML files of the configuration are harmless."""

from __future__ import annotations

import functools
import io
import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from digits.base.errors import UserError, message_of
from digits.base.paths import CONF, PARAMS, ROOT

PRESETS = ("data", "model", "recipe")
CHOSEN_BY_RECIPE = ("optimizer", "schedule")  # presets too, unless params.yaml says auto
KEYS = (
    *PRESETS,
    *CHOSEN_BY_RECIPE,
    "epochs",
    "batch_size",
    "learning_rate",
    "seed",
    "split_seed",
    "validation",
    "threads",
    "overrides",
)

LARGEST = 100_000  # bytes
DEEPEST = 20  # levels of nesting


def read_params(file: Path = PARAMS) -> dict[str, Any]:
    """Return the values of params.yaml.

    Raises UserError if the file cannot be read, or has other keys than KEYS.
    """
    params = load_yaml(file)
    given = set(params) if isinstance(params, dict) else set()
    for problem, keys in (("unknown", given - set(KEYS)), ("missing", set(KEYS) - given)):
        if keys:
            listed = ", ".join(sorted(map(str, keys)))
            raise UserError(f"{file.name}: {problem} key {listed}; it has exactly {', '.join(KEYS)}")
    for group in (*PRESETS, *CHOSEN_BY_RECIPE):
        if not isinstance(params[group], str):
            raise UserError(
                f"{group}: must name a preset of conf/{group}/, not {params[group]!r} ({file.name})"
            )
    return dict(params)


def store_params(params: dict[str, Any], with_overrides: bool = True) -> list[str]:
    """Give Hydra the values of params.yaml as two configurations, the first and the last that
    conf/config.yaml has in its defaults list: the values, and the overrides. Return the overrides.

    Raises UserError if an override is not the value of a key in a preset of the model or the recipe.
    """
    from hydra.core.config_store import ConfigStore

    defaults: list[Any] = [{group: params[group]} for group in ("data", "model")]
    # a recipe overrides these two, which Hydra allows if they stand before it
    defaults += [*({group: "???"} for group in CHOSEN_BY_RECIPE), {"recipe": params["recipe"]}, "_self_"]
    chosen = [group for group in CHOSEN_BY_RECIPE if params[group] != "auto"]
    defaults += [{f"override /{group}": params[group]} for group in chosen]
    not_values = (*PRESETS, *CHOSEN_BY_RECIPE, "overrides")
    values = {key: value for key, value in params.items() if key not in not_values}
    overrides = params["overrides"] if with_overrides else []
    store = ConfigStore.instance()
    store.store(name="params", node={"defaults": defaults, **values})
    store.store(name="params_overrides", node=_apply(overrides))
    return list(overrides)


def _apply(overrides: Any) -> dict[str, Any]:
    """Return the values that the overrides of params.yaml set, nested as in the configuration."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf import DictConfig, OmegaConf

    if not isinstance(overrides, list) or not all(isinstance(each, str) for each in overrides):
        raise UserError(f"overrides: must be a list of Hydra overrides, not {overrides!r} (params.yaml)")
    values: DictConfig = OmegaConf.create()
    for override in overrides:

        def refuse(reason: str, override: str = override) -> None:
            raise UserError(f"overrides: {override}: {' '.join(reason.split())} (params.yaml)")

        try:
            parsed = OverridesParser.create().parse_override(override)
        except HydraException as error:
            refuse(str(error))
        key = parsed.key_or_group
        if key in KEYS:
            refuse(f"set the key {key} instead")
        if key.startswith("data."):
            refuse("write a preset in conf/data/ instead, since DVC fetches the images of a preset")
        if not key.startswith(("model.", "recipe.")):
            refuse("must change a key of the model or the recipe")
        special = (parsed.is_add(), parsed.is_force_add(), parsed.is_delete(), parsed.package is not None)
        if parsed.is_sweep_override() or any(special):
            refuse("must be KEY=VALUE with one value")
        OmegaConf.update(values, key, parsed.value(), force_add=True)
    plain: Any = OmegaConf.to_container(values)
    return dict(plain)


def load_yaml(file: Path) -> Any:
    """Return what is in a YAML file of the configuration.

    Raises UserError if OmegaConf cannot load it, or it is not harmless.
    """
    from omegaconf import OmegaConf

    text = read_yaml(file)
    try:
        return OmegaConf.to_container(OmegaConf.load(io.StringIO(text)))
    except Exception as error:  # OmegaConf lets through whatever YAML's constructors raise
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: Exception) -> UserError:
    return UserError(f"{_name(file)}: cannot be read: {message_of(error)}")


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file)


def read_yaml(file: Path) -> str:
    """Return the text of a YAML file.

    Raises UserError if it is not a regular file, too large, not in UTF-8, nested too deeply, or full of
    aliases, all of which can take unlimited time or memory to load.
    """
    name = _name(file)
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{name}: must be a regular file")
        if status.st_size > LARGEST:
            raise UserError(f"{name}: has {status.st_size:,} bytes; at most {LARGEST:,} are allowed")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: must be in UTF-8; byte {error.start} is not") from None
    depth = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.AliasEvent):
                raise UserError(f"{name}: aliases such as *{event.anchor} are not allowed")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise UserError(f"{name}: is nested more than {DEEPEST} levels deep")
    except yaml.YAMLError as error:
        raise _unreadable(file, error) from None
    return text


def check_presets() -> None:
    """Raise UserError if a file in conf/ cannot be loaded."""
    for file in sorted(CONF.rglob("*.yaml")):
        status = file.lstat()
        _check_once(file, status.st_ino, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=100)
def _check_once(file: Path, *_: int) -> None:
    load_yaml(file)


def param_lines(keys: Collection[str]) -> list[str]:
    """Return the lines of params.yaml that give `keys`, their values, and what they mean."""
    return _lines(PARAMS, "|".join(keys))


def option_lines(primary: str) -> list[str]:
    """Return the lines of conf/`primary`.yaml that give options, their defaults, and what they mean."""
    return _lines(CONF / f"{primary}.yaml", r"(?!hydra|defaults)\w+|  - search")


def _lines(file: Path, keys: str) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [line.removeprefix("  - ") for line in lines if re.match(rf"({keys}):", line)]
    return [re.sub(r"\$\{now:(.*?)\}|\$\{oc.env:\w+,(.*?)\}", r"\1\2", line) for line in found]
