"""Say how a run is repeated."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from digits.base.errors import UserError
from digits.config.compose import compose_values, parse
from digits.config.params import KEYS
from digits.config.schema import Config


def repeat_command(parameters: Mapping[str, str]) -> str:
    """Return the shell command that repeats the run with these recorded `parameters`, to the bit on a machine
    that gives the same bits. It leaves all presets and params.yaml as they are. If the presets that the run
    had are gone, return the reason instead."""
    words = [f"{key}={parameters[key]}" for key in KEYS if key in parameters]
    try:
        presets = parse(compose_values(words, presets_only=True), Config).parameters()
    except UserError as error:
        return f"# cannot be repeated with the presets of today: {error}"
    changed = [
        to_override(key, yaml.safe_load(parameters[key]))
        for key, value in presets.items()
        if "." in key and key in parameters and str(value) != parameters[key]
    ]
    if any(override.startswith("data.") for override in changed):  # DVC fetches the images of presets alone
        return "python src/experiment.py " + " ".join(shlex.quote(word) for word in [*words, *changed])
    settings = [*words, f"overrides={json.dumps(changed)}"]
    return "dvc exp run --temp " + " ".join(f"-S {shlex.quote(setting)}" for setting in settings)


def to_override(key: str, value: Any) -> str:
    """Return the Hydra override that sets `key` to a plain value."""
    return f"{key}={_to_hydra(value)}"


def _to_hydra(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_to_hydra, value))}]"
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_][\w./-]*", value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return value if isinstance(value, str) else json.dumps(value)
