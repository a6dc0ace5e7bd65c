"""Read params.yaml, and check that the YAML files of the configuration are harmless."""

from __future__ import annotations

import functools
import io
import stat
from pathlib import Path
from typing import Any

import yaml

from digits.base.errors import UserError, message_of
from digits.base.paths import CONF, PARAMS, ROOT, main_root
from digits.base.section import did_you_mean

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
KEYS_OF_COMMANDS = KEYS[:-1]  # a command line has its overrides as they are
EXPERIMENT = KEYS[:-2]  # without threads, too, which change no result

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
            listed = sorted(map(str, keys))
            meant = did_you_mean(listed[0], KEYS) if problem == "unknown" else ""
            raise UserError(
                f"{file.name}: {problem} key {', '.join(listed)}; it has exactly {', '.join(KEYS)}"
                f"{meant} ({in_params()})"
            )
    for group in (*PRESETS, *CHOSEN_BY_RECIPE):
        if not isinstance(params[group], str):
            raise UserError(
                f"{group}: must name a preset of conf/{group}/, not {params[group]!r} ({in_params()})"
            )
    return dict(params)


def in_params() -> str:
    """Return the words for a value that is wrong in params.yaml."""
    return f"{PARAMS.name}{to_restore()}"


def to_restore() -> str:
    """Return the words that say how to restore params.yaml, which `dvc exp run -S` changes and leaves so. In
    an experiment that DVC runs in a copy of the project there is nothing to restore."""
    # `git checkout` restores nothing if DVC wrote as many bytes within the second in which git looked
    return "" if main_root() != ROOT else f"; to restore it: git show HEAD:./{PARAMS.name} >{PARAMS.name}"


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
    remedy = to_restore() if file == PARAMS else ""
    return UserError(f"{_name(file)}: cannot be read: {message_of(error)}{remedy}")


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
