"""Show what a command is for, three examples or more, and each key with its default and its meaning."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from digits.base.paths import CONF, PARAMS
from digits.config.params import KEYS

WIDTH = 100  # columns of a terminal
WIDEST = 28  # columns of what is written, if its meaning is to stand beside it
OF_PRESETS = ("model.KEY=VALUE", "a key of a preset in conf/: model.dropout=0.5 recipe.rotation=15")
Row = tuple[str, str]  # what is written on the command line, and what it means


def of_configuration(docstring: str, keys: Collection[str], primary: str = "config") -> str:
    """Return the help of a command that reads these `keys` of params.yaml, conf/config.yaml and
    conf/`primary`.yaml, whose comments say what they mean."""
    experiment = [*_rows(PARAMS, [key for key in keys if key in KEYS])]
    if "model" in keys:
        experiment.append(OF_PRESETS)
    files = dict.fromkeys((CONF / f"{primary}.yaml", CONF / "config.yaml"))
    options = [row for file in files for row in _rows(file, [key for key in keys if key not in KEYS])]
    return _help(
        docstring,
        {
            "Keys of the experiment, with their values in params.yaml:": experiment,
            "Options, with their defaults:": options,
        },
    )


def of_parser(docstring: str, actions: Sequence[argparse.Action]) -> str:
    """Return the help of a command that has these options. KEY=VALUE stands for --KEY VALUE."""
    rows = [_row(action) for action in actions if action.dest != "help"]
    return _help(docstring, {"Options, with their defaults:": rows})


def _help(docstring: str, rows_by_title: Mapping[str, Sequence[Row]]) -> str:
    purpose, _, examples = docstring.rpartition("\n\n")
    lines = [textwrap.fill(" ".join(purpose.split()), WIDTH), ""]
    lines += [f"  {line.strip()}" for line in examples.splitlines()]
    for title, rows in rows_by_title.items():
        if rows:
            lines += ["", title, *_lines(rows)]
    return "\n".join(lines) + "\n"


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    widths = [len(written) for written, _ in rows]
    column = 4 + max((width for width in widths if width <= WIDEST), default=0)
    for written, meaning in rows:
        first = f"  {written}".ljust(column)
        if len(first) > column:
            yield first
            first = ""
        yield from textwrap.wrap(
            meaning,
            WIDTH,
            initial_indent=first.ljust(column),
            subsequent_indent=" " * column,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _rows(file: Path, keys: Sequence[str]) -> Iterator[Row]:
    """Yield the keys that a YAML file gives, each with its value and the comment beside it."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := re.match(rf"(?:  - )?({'|'.join(keys)}): *(.*?) *# (.*)", line) if keys else None:
            key, value, meaning = match.groups()
            value = re.sub(r"\$\{now:%Y[^}]*\}/\$\{now:[^}]*\}", "DATE/TIME", value)
            value = re.sub(r"\$\{oc.env:\w+,(.*?)\}", r"\1", value)
            yield f"{key}={value}", meaning


def _row(action: argparse.Action) -> Row:
    meaning = " ".join((action.help or "").split())
    choices = [str(choice) for choice in action.choices or ()]
    if not all(choice in meaning for choice in choices):
        meaning = f"{meaning}: {', '.join(choices)}"
    name = str(action.metavar or action.dest.upper())
    if not action.option_strings:
        return f"{name} ..." if action.nargs == "+" else name, meaning
    if action.nargs == 0:
        return action.option_strings[0], meaning
    return f"{action.dest}={name if action.default is None else action.default}", meaning
