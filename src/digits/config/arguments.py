"""Tell Hydra's options from overrides, and say what to write instead of an option that it does not have."""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Collection, Sequence
from typing import NoReturn

from digits.base.errors import UserError
from digits.config.options import Options
from digits.config.words import HELP, is_key, key_meant, read_overrides

SET_BY_SWEEPS = "parent_run"


@dataclasses.dataclass(frozen=True)
class Arguments:
    """A command line for Hydra: its own options, and the overrides."""

    options: list[str]
    overrides: list[str]

    @property
    def one_run(self) -> bool:
        """Whether Hydra is asked for nothing but a run."""
        return not self.options


def read_arguments(given: Sequence[str]) -> Arguments:
    """Return the words of a command line, in which options can stand between overrides.

    Raises UserError if one is neither an option of Hydra's nor an override.
    """
    from hydra._internal.utils import get_args_parser

    # first, since -model=small would be Hydra's option -m
    refuse_options([word for word in given if re.match(r"-[^-]\w+=", word)])
    parser = get_args_parser()
    parser.error = _refuse
    parsed, unknown = parser.parse_known_intermixed_args(given)
    refuse_options(unknown, parsed.overrides)
    read_overrides(parsed.overrides, sweep=parsed.multirun or parsed.cfg is not None)
    left = collections.Counter(parsed.overrides)
    options = []
    for word in given:
        if left[word]:
            left[word] -= 1
        else:
            options.append(word)
    return Arguments(options, parsed.overrides)


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message}; {HELP}")


def refuse_options(options: Sequence[str], overrides: Sequence[str] = ()) -> None:
    """Raise UserError for the first of the `options`, which Hydra does not know. What stands after it is one
    of the `overrides`, if it was meant as its value."""
    for option in options:
        name, _, value = option.lstrip("-").replace("-", "_", option.count("-")).partition("=")
        value = value or next((word for word in overrides if "=" not in word and word[0] != "-"), "VALUE")
        if option.startswith("-S"):
            raise UserError(f"{option}: is an option of `dvc exp run`; here write KEY=VALUE alone: epochs=3")
        if is_key(name):
            raise UserError(f"{option}: keys have no dashes; write {name}={value}")
        raise UserError(f"{option}: unknown option; write KEY=VALUE; {HELP}{key_meant(name)}")


def refuse_unread(overrides: Sequence[str], keys: Collection[str]) -> None:
    """Raise UserError for the first override that sets an option of other commands: this one reads `keys`."""
    options = [key for key in Options.model_fields if key in keys]
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if key in Options.model_fields and key not in (*options, SET_BY_SWEEPS):
            own = f"this one has {', '.join(options)}; " * bool(options)
            raise UserError(f"{key}: is an option of other commands; {own}{HELP}")
