"""Find slips in overrides before Hydra reads them, and say what to write instead."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from digits.base.errors import UserError, message_of
from digits.base.paths import CONF
from digits.base.section import flatten
from digits.config.params import KEYS_OF_COMMANDS, load_yaml, read_params

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

WHOLE_NUMBERS = ("epochs", "batch_size", "seed", "split_seed", "threads")
SECTIONS = {  # where the presets of a group are in the configuration
    "data": "data",
    "model": "model",
    "recipe": "recipe",
    "optimizer": "recipe.optimizer",
    "schedule": "recipe.schedule",
    "search": "search",
}
REPLACED = ("recipe.epochs", "recipe.batch_size", "recipe.learning_rate")  # by keys of the experiment
CLOSING = {"[": "]", "{": "}"}
HELP = "--help lists the keys"


@functools.cache
def keys_of_presets() -> Mapping[str, Mapping[str, Any]]:
    """Return each dotted key of a preset, with its values in the presets that have it, by file."""
    found: dict[str, dict[str, Any]] = {}
    for group, section in SECTIONS.items():
        for file in sorted((CONF / group).glob("*.yaml")):
            preset = load_yaml(file)
            preset = preset.get("recipe") if group == "recipe" else preset
            for key, value in flatten(preset or {}, f"{section}."):
                found.setdefault(key, {})[f"conf/{group}/{file.name}"] = value
    return {key: values for key, values in found.items() if not key.startswith(REPLACED)}


def is_key(key: str) -> bool:
    """Return whether an experiment or one of the presets has this key."""
    return key in (*KEYS_OF_COMMANDS, *keys_of_presets())


def key_meant(key: str, others: Collection[str] = ()) -> str:
    """Return the words that suggest the key that was meant, or none. `key` may lack its first parts, or be
    initials: momentum, lr."""
    known = [*KEYS_OF_COMMANDS, *others, *keys_of_presets()]
    ends = [each for each in known if each.endswith(f".{key}")]
    initials = [each for each in known if len(key) > 1 and key == _initials(each)]
    meant = [*ends, *initials, *difflib.get_close_matches(key, known, 1)]
    return f"; did you mean {meant[0]}?" if meant else ""


def _initials(key: str) -> str:
    return "".join(part[:1] for part in key.rpartition(".")[2].split("_"))


def read_overrides(words: Sequence[str], sweep: bool = False) -> list[Override]:
    """Return the words as Hydra reads them. Raises UserError for the first that is no override of Hydra's,
    with what to write instead. Only a `sweep` may have several values for a key."""
    overrides = []
    for number, word in enumerate(words):
        key, equals, value = word.partition("=")
        _refuse_spaces(words[number:])
        _refuse_brackets(words[number:])
        if not equals and not word.startswith("~"):
            colon = re.fullmatch(r"([\w.]+):(.+)", word)
            instead = f"{colon[1]}={colon[2]}" if colon else "KEY=VALUE, such as epochs=3"
            raise UserError(f"{word}: is no override; write {instead}; {HELP}")
        if equals and not value and not word.startswith(("~", "hydra.")):
            raise UserError(f"{word}: has no value; write {key}={_example(key)}")
        if value != value.strip(",="):
            raise UserError(f"{word}: has a comma or = too many; write {key}={value.strip(',=')}")
        overrides.append(_parse(word, key, value, sweep))
    return overrides


def _refuse_spaces(words: Sequence[str]) -> None:
    """Raise UserError if the first word is an override in two or three parts: epochs = 3."""
    (key, equals, value), after = words[0].partition("="), list(words[1:3])
    if not key or value or not after or key.startswith(("~", "-")):
        return
    if after[0].startswith("=") and not equals:
        parts = [words[0], *after[: 2 if after[0] == "=" else 1]]
        merged = "".join(parts)
    elif "=" not in after[0] and (equals or is_key(key)):
        parts = [words[0], after[0]]
        merged = f"{key}={after[0]}"
    else:
        return
    raise UserError(f"{' '.join(parts)}: write {merged}, without spaces")


def _refuse_brackets(words: Sequence[str]) -> None:
    """Raise UserError if the brackets in the first word are not in pairs, or only with those in the next."""
    if _left_open(words[0]) == "":
        return
    for count in range(2, len(words) + 1):
        whole = " ".join(words[:count])
        if _left_open(whole) == "":
            raise UserError(f"{whole}: the shell divides it at its spaces; put it in quotes: '{whole}'")
    missing = _left_open(words[0])
    if missing is None:
        raise UserError(f"{words[0]}: has a closing bracket without its opening one")
    raise UserError(f"{words[0]}: has an open bracket; write '{words[0]}{missing}'")


def _left_open(text: str) -> str | None:
    """Return the brackets that close those that are open at the end, or None if one closes nothing."""
    missing: list[str] = []
    for letter in re.sub(r"\\.|'[^']*'|\"[^\"]*\"", "", text):
        if letter in CLOSING:
            missing.append(CLOSING[letter])
        elif letter in CLOSING.values() and (not missing or missing.pop() != letter):
            return None
    return "".join(reversed(missing))


def _example(key: str) -> object:
    of_presets = keys_of_presets().get(key)
    return next(iter(of_presets.values())) if of_presets else read_params().get(key, "VALUE")


def _parse(word: str, key: str, value: str, sweep: bool) -> Override:
    """Return the override as Hydra reads it. Raises UserError if it cannot, or has several values for it
    without a `sweep`."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as error:
        quoted = f"""'{key}="{value}"'"""
        raise UserError(
            f"{word}: cannot be read ({message_of(error)}); special letters need quotes: {quoted}"
        ) from None
    if sweep or not override.is_sweep_override():
        return override
    instead = f"a sweep is python src/experiment.py -m {word}"
    if any(isinstance(each, list) for each in keys_of_presets().get(key, {}).values()):
        instead = f"a list has brackets: {key}=[{value}]; {instead}"
    elif re.fullmatch(r"\d+,\d+", value) and key not in WHOLE_NUMBERS:
        instead = f"a number has a point: {key}={value.replace(',', '.')}; {instead}"
    raise UserError(f"{word}: is more than one value; {instead}")
