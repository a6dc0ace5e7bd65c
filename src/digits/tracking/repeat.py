"""Say how a run is repeated."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from digits.base.errors import UserError
from digits.config.compose import compose_values, parse
from digits.config.params import KEYS
from digits.config.schema import Config
from digits.tracking.records import DATA_DIGEST


def repeat_command(parameters: Mapping[str, str]) -> str:
    """Return the shell command that repeats the run with these recorded `parameters`, and leaves all presets
    and params.yaml as they are. If the presets of today do not allow it, return the reason instead."""
    parameters = {key: value for key, value in parameters.items() if key != DATA_DIGEST}
    if parameters.get("data.source") == "mirrors":  # as version 0.1 called it
        parameters["data.source"] = "idx"
    words = [f"{key}={parameters[key]}" for key in KEYS if key in parameters]
    try:
        presets = _of_presets(words)
        changes = _changes(presets.parameters(), parameters)
        again = (_of_presets([*words, *changes]) if changes else presets).recorded_parameters()
        for key, value in again.items():
            if value != parameters.get(key):
                raise UserError(f"{key} would be {value}; it was {parameters.get(key, 'not recorded')}")
    except UserError as error:
        return f"# cannot be repeated with the presets of today: {error}"
    if any(change.startswith(("data.", "+", "~")) for change in changes):  # what params.yaml does not take
        return "python src/experiment.py " + " ".join(shlex.quote(word) for word in [*words, *changes])
    settings = [*words, f"overrides={json.dumps(changes)}"]
    return "dvc exp run --temp " + " ".join(f"-S {shlex.quote(setting)}" for setting in settings)


def _of_presets(words: Sequence[str]) -> Config:
    """Return what these overrides of the presets compose, whatever params.yaml says."""
    return parse(compose_values(words, presets_only=True), Config)


def _changes(presets: Mapping[str, Any], parameters: Mapping[str, str]) -> list[str]:
    """Return the overrides that turn the values of `presets` into those that were recorded."""
    recorded = {key: text for key, text in parameters.items() if "." in key}
    changed = [
        to_override(key, text if isinstance(value, str) else _parsed(text))
        for key, value in presets.items()
        if (text := recorded.get(key, str(value))) != str(value)
    ]
    added = [f"+{to_override(key, _parsed(recorded[key]))}" for key in recorded if key not in presets]
    removed = [f"~{key}" for key in presets if "." in key and key not in recorded]
    return [*changed, *added, *removed]


def _parsed(text: str) -> Any:
    """Return the value that was recorded as text."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def to_override(key: str, value: Any) -> str:
    """Return the Hydra override that sets `key` to a plain value."""
    return f"{key}={_to_hydra(value)}"


def _to_hydra(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_to_hydra, value))}]"
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_][\w./-]*", value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return value if isinstance(value, str) else json.dumps(value)
