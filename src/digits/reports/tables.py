"""Show ranked groups of runs as tables."""

from __future__ import annotations

import csv
import sys
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console

from digits.reports.ranking import (
    Group,
    pooled_deviation,
    short_names,
    standard_error,
    varying,
    with_deviation,
)

Rows = Sequence[Mapping[str, str]]
DISPENSABLE = ("train_seconds", "behind")  # in a narrow window
SCORES = ("test_accuracy", "train_seconds")  # have a column beside that of the metric


def to_rows(groups: Sequence[Group], metric: str = "val_accuracy") -> list[dict[str, str]]:
    """Return a row for each group: what tells it apart, its scores, and how far it is behind the best, with
    the standard error of that difference."""
    names = varying(groups)
    scores = [score for group in groups if (score := group.score(metric))]
    pooled = pooled_deviation(scores)
    rows = []
    for rank, (group, score) in enumerate(zip(groups, scores, strict=True), start=1):
        error = standard_error(scores[0], score, pooled)
        behind = with_deviation(abs(scores[0].mean - score.mean), error, metric)
        row = {"rank": str(rank)} | {name: group.parameters.get(name, "") for name in names}
        row |= {"runs": str(score.count), metric: score.text(metric), "behind": behind if rank > 1 else ""}
        for other in SCORES:
            if other != metric:
                known = group.score(other)
                row[other] = known.text(other) if known else ""
        rows.append(row)
    return rows


def shortened(rows: Rows) -> Rows:
    """Return the rows for people to read: with short names and lists, and without columns that say nothing:
    those that are empty, and the numbers of runs if there are no replicates."""
    said = {name: {row[name] for row in rows} for name in rows[0]}
    names = [name for name, values in said.items() if values != {""} and (name, values) != ("runs", {"1"})]
    short = short_names(list(rows[0]))
    return [{short[name]: _without_spaces(row[name]) for name in names} for row in rows]


def _without_spaces(text: str) -> str:
    return text.replace(", ", ",") if text.startswith("[") else text


def to_markdown(rows: Rows) -> str:
    """Return the rows as a table in Markdown."""
    rows = shortened(rows)
    header = list(rows[0])
    lines = [header, ["---"] * len(header), *([row[name] for name in header] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def print_csv(rows: Rows) -> None:
    """Print the rows as CSV. The header has the columns of all rows."""
    header = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(sys.stdout, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def print_table(rows: Rows) -> None:
    """Print the rows as a table. In a window that is too narrow, the names of columns are broken at `_`, and
    columns of DISPENSABLE are left out. If that is not enough, what tells the groups apart is below each row,
    or the last column of rows that are no groups."""
    names = list(rows[0])
    below = names[1 : names.index("runs")] if "runs" in names else names[-1:]
    rows, window = shortened(rows), console()
    for table in _layouts(rows):
        if table.width <= window.width:
            break
    else:
        below = [end for name, end in short_names(names).items() if name in below]
        table = Layout(_without(rows, below), margin=1, gap=2, broken=False)
        for row, lines in zip(rows, table.lines, strict=True):
            words = " ".join(f"{name}={row[name]}" for name in below if row.get(name))
            lines += folded(words, window.width, indent=7)
    window.out(" " * table.width)
    for line in table.header:
        window.out(line, style="bold")
    window.out(" " * (table.margin - 1) + "─" * (table.width - 2 * table.margin + 2))
    print("".join(f"{line}\n" for lines in table.lines for line in lines))
    if table.left_out:
        print(f"no room for {', '.join(table.left_out)}\n")


def folded(text: str, width: int, indent: int) -> list[str]:
    """Return the words in lines of at most `width` letters, which begin with `indent` spaces."""
    wrapper = textwrap.TextWrapper(
        width, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False
    )
    wrapper.break_long_words = False
    return wrapper.wrap(text)


class Layout:
    """A table as lines of text, with spaces at the `margin`s and a `gap` between columns. The names of
    columns can be `broken` at `_`, and those of columns that were `left_out` are kept."""

    def __init__(self, rows: Rows, margin: int, gap: int, broken: bool, left_out: Sequence[str] = ()) -> None:
        self.margin, self._gap, self.left_out = margin, " " * gap, left_out
        names = [name.split("_") if broken else [name] for name in rows[0]]
        height = max(map(len, names))
        # a name stands directly above its column
        headers = [list(line) for line in zip(*([""] * (height - len(n)) + n for n in names), strict=True)]
        cells = [list(row.values()) for row in rows]
        self._widths = [max(map(cell_len, column)) for column in zip(*headers, *cells, strict=True)]
        self.width = sum(self._widths) + gap * (len(names) - 1) + 2 * margin
        self.header = [self._line(texts) for texts in headers]
        self.lines = [[self._line(texts)] for texts in cells]

    def _line(self, texts: Sequence[str]) -> str:
        padded = (text + " " * (n - cell_len(text)) for text, n in zip(texts, self._widths, strict=True))
        return " " * self.margin + self._gap.join(padded)


def _layouts(rows: Rows) -> Iterator[Layout]:
    """Yield tables with a column for each name, the widest first."""
    yield Layout(rows, margin=2, gap=3, broken=False)
    for count in range(len(DISPENSABLE) + 1):
        left_out = [name for name in DISPENSABLE[:count] if name in rows[0]]
        yield Layout(_without(rows, left_out), margin=1, gap=2, broken=True, left_out=left_out)


def _without(rows: Rows, names: Collection[str]) -> Rows:
    return [{name: text for name, text in row.items() if name not in names} for row in rows]


def console() -> Console:
    """Return a console that breaks no lines if nobody can widen the window."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 240)
