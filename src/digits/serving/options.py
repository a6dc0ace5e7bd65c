"""The options of the commands that use a model."""

from __future__ import annotations

import argparse

from digits.config.params import read_params


def add_data(parser: argparse.ArgumentParser, help: str = "preset of the data") -> None:
    """Let the command line name a preset of the data (see `data_of`)."""
    parser.add_argument("--data", metavar="PRESET", help=f"{help}; default: that of params.yaml")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Let the command line name a model, as `digits.serving.choice.choose` takes it."""
    parser.add_argument("--model", default="champion", help="champion, a run, or a .keras file")
    add_data(parser, "whose champion: a preset")


def data_of(arguments: argparse.Namespace) -> str:
    """Return the preset of the data: that of params.yaml unless the command line names one."""
    return str(arguments.data or read_params()["data"])
