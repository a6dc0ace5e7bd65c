"""Collect and report problems and notes about a folder of pictures."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from digits.base import files
from digits.base.errors import UserError
from digits.base.paths import main_root
from digits.config.data import Folder

MOST_LINES = 20  # of each sort on the terminal; the file has all


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """A problem or a note about a file or folder. `text` begins with its kind; details are in brackets."""

    where: str
    text: str

    @property
    def kind(self) -> str:
        return self.text.partition(" (")[0]


class Findings:
    """The problems and notes about the pictures of a preset."""

    def __init__(self, data: Folder, root: Path) -> None:
        self.problems: list[Finding] = []
        self.notes: list[Finding] = []
        self._data, self._root = data, root
        self.file = main_root() / f"outputs/data-{data.name}.csv"

    def problem(self, where: str, text: str) -> None:
        """Add what must be mended."""
        self.problems.append(Finding(printable(where), text))

    def bad_file(self, where: str, text: str) -> None:
        """Add a file that cannot be used: a problem, unless the preset says that such files are skipped."""
        if self._data.bad_files == "skip":
            self.note(where, f"left out: {text}")
        else:
            self.problem(where, text)

    def note(self, where: str, text: str) -> None:
        """Add what a person should know."""
        self.notes.append(Finding(printable(where), text))

    def report(self) -> None:
        """Print the findings to stderr, and write all of them to `file`, or remove it if there are none."""
        rows = [
            {"severity": severity, "where": each.where, "finding": each.text}
            for severity, found in (("problem", self.problems), ("note", self.notes))
            for each in sorted(found)
        ]
        if not rows:
            self.file.unlink(missing_ok=True)
            return
        files.write_csv(self.file, rows)
        for each in sorted(self.problems)[:MOST_LINES]:
            print(f"{self._root / each.where}: {each.text}", file=sys.stderr)
        if len(self.problems) > MOST_LINES:
            print(f"... and {len(self.problems) - MOST_LINES:,} more", file=sys.stderr)
        for kind, count in _kinds(self.notes):
            first = next(each for each in sorted(self.notes) if each.kind == kind)
            more = f" and {count - 1:,} more" if count > 1 else ""
            print(f"note: {first.where}{more}: {first.text if count == 1 else kind}", file=sys.stderr)

    def refuse(self) -> None:
        """Raise UserError if there are problems."""
        if self.problems:
            counted = "; ".join(f"{kind}: {count:,}" for kind, count in _kinds(self.problems))
            word = "problem" if len(self.problems) == 1 else "problems"
            raise UserError(
                f"{self._root}: {len(self.problems):,} {word} ({counted}), listed in {self.file}; mend them, "
                f"or leave out files with bad_files: skip in {self._data.file}"
            )


def _kinds(found: Iterable[Finding]) -> list[tuple[str, int]]:
    return Counter(each.kind for each in found).most_common()


def printable(name: str) -> str:
    """Return the name with escapes for what is not UTF-8 and what ends a line."""
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
