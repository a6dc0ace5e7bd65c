"""Show ranked groups of runs as tables."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console

from digits.reports.ranking import Group, pooled_deviation, standard_error, varying, with_deviation

Rows = Sequence[Mapping[str, str]]


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
        for other in ("test_accuracy", "train_seconds"):
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
    """Print the rows as a table."""
    from rich import box
    from rich.table import Table

    table = Table(*rows[0], box=box.SIMPLE)
    for row in rows:
        table.add_row(*row.values())
    console().print(table)


def console() -> Console:
    """Return a console that breaks no lines if nobody can widen the window."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 240)
