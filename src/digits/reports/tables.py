"""Show ranked groups of runs as tables."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console

from digits.reports.ranking import Group, pooled_deviation, standard_error, varying, with_deviation

Rows = Sequence[Mapping[str, str]]
SCORES = ("test_accuracy", "train_seconds")  # have a column beside that of the metric


def to_rows(groups: Sequence[Group], metric: str = "val_accuracy") -> list[dict[str, str]]:
    """Return a row for each group: what tells it apart, its scores, and how far it is behind the best, with
    the standard error of that difference."""
    names = varying(groups)
    scores = [score for group in groups if (score := group.score(metric))]
    pooled = pooled_deviation(scores)
    rows = []
    for rank, (group, score) in enumerate(zip(groups, scores, strict=True), start=1):
        behind = with_deviation(abs(scores[0].mean - score.mean), standard_error(scores[0], score, pooled))
        row = {"rank": str(rank)} | {name: group.parameters.get(name, "") for name in names}
        row |= {"runs": str(score.count), metric: str(score), "behind": behind if rank > 1 else ""}
        for other in SCORES:
            if other != metric:
                row[other] = str(group.score(other) or "")
        rows.append(row)
    return rows


def to_markdown(rows: Rows) -> str:
    """Return the rows as a table in Markdown."""
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
    """Print the rows as a table. Rich draws it if the window is too narrow, and breaks the text in its cells;
    for thousands of rows that takes longer than to read and rank the runs."""
    header, *cells = list(rows[0]), *(list(row.values()) for row in rows)
    widths = [max(map(cell_len, column)) for column in zip(header, *cells, strict=True)]
    window, width = console(), _width(widths)
    if width > window.width:
        from rich import box
        from rich.markup import escape
        from rich.table import Table

        table = Table(*header, box=box.SIMPLE)
        for texts in cells:
            table.add_row(*map(escape, texts))
        window.print(table)
        return
    window.out(" " * width)
    window.out(_line(header, widths), style="bold")
    window.out(f" {'─' * (width - 2)} ")
    print("".join(f"{_line(texts, widths)}\n" for texts in cells) + " " * width)


def _width(widths: Sequence[int]) -> int:
    """Return the width of a table whose columns have these."""
    return sum(widths) + 3 * len(widths) + 1


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width - cell_len(text)) for text, width in zip(texts, widths, strict=True))
    return f"  {'   '.join(padded)}  "


def console() -> Console:
    """Return a console that breaks no lines if nobody can widen the window."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 240)
