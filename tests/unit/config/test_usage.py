"""What a help looks like, for commands with and without a configuration."""

import argparse
import re

from digits.config import usage

DOCSTRING = "Do it.\n\npython src/it.py\npython src/it.py seed=1   another"


def test_keys_are_shown_with_their_values_and_meanings() -> None:
    lines = usage.of_configuration(DOCSTRING, ("seed", "out", "study"), "tune").splitlines()
    assert lines[:4] == ["Do it.", "", "  python src/it.py", "  python src/it.py seed=1   another"]
    keys = [line.split()[0].partition("=")[0] for line in lines if re.match(r"  \w+=", line)]
    assert keys == ["seed", "study", "out"]
    assert "  out=outputs/DATE/TIME  the folder to write to" in lines


def test_options_are_shown_as_they_can_be_written() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", metavar="FILE", help="what to read")
    parser.add_argument("--format", choices=("a", "b"), default="a", help="of the output")
    parser.add_argument("--out", metavar="FOLDER", help="where to write; default: here")
    parser.add_argument("--all", action="store_true", help="show all; default: the best")
    text = usage.of_parser(DOCSTRING, parser._actions)
    assert [line.split("  ")[1] for line in text.splitlines()[6:]] == [
        "FILE ...",
        "format=a",
        "out=FOLDER",
        "--all",
    ]
    assert "  format=a    of the output: a, b" in text


def test_a_long_meaning_is_wrapped_below_itself() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--key", default=1, help="word " * 40)
    *_, first, second, _ = usage.of_parser(DOCSTRING, parser._actions).splitlines()
    assert max(len(first), len(second)) <= usage.WIDTH
    assert first.index("word") == second.index("word")
