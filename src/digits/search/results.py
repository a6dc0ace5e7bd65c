"""Show what came of a sweep or a search, and keep it with the parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from digits.base import files
from digits.experiment.summary import shown_folder
from digits.reports import figures, tables
from digits.reports.ranking import Group, group_label, short_names, varying
from digits.search import trials
from digits.tracking.recording import Recording

LARGEST_FIGURE = 30  # groups
LONGEST_LABEL = 60  # letters


def report(parent: Recording, groups: Sequence[Group], best: Group, command: str, folder: Path) -> None:
    """Print the ranked `groups`, and keep with the run `parent`: their table and figure, whatever else is in
    `folder`, and the `command` that repeats the `best` group."""
    rows = tables.to_rows(groups)
    markdown = tables.to_markdown(rows)
    files.with_parents(folder / "ranking.md").write_text(markdown, encoding="utf-8")
    files.write_csv(folder / "ranking.csv", rows)
    names, shown = varying(groups), groups[:LARGEST_FIGURE]
    labels = [group_label(group, names) for group in shown]
    if max(map(len, labels)) > LONGEST_LABEL:
        labels = [f"rank {row['rank']}" for row in rows[:LARGEST_FIGURE]]
    figures.draw_ranking("trials, best first", shown, labels, folder / "ranking.png")
    parent.log_files(folder)
    trials.describe(parent, groups, best, command)
    tables.print_table(rows)


def print_trial(outcome: str, values: Mapping[str, object]) -> None:
    """Print how a trial of a search ended, and the values that it tried."""
    short = short_names(values)
    words = " ".join(f"{short[name]}={_shown(value)}" for name, value in values.items())
    first, *others = tables.folded(f"{outcome}  {words}", tables.console().width, indent=4)
    print(first.strip(), *others, sep="\n", flush=True)


def _shown(value: object) -> str:
    # lists and strings are choices, in JSON
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace(", ", ",").strip('"')


def print_where_to_look(parent: str, command: str, folder: Path) -> None:
    """Say how the best trial is repeated, and where tables, figures and trials are."""
    print(
        f"best by validation accuracy; to repeat it: {command}\n\n"
        f"tables and figures: {shown_folder(folder)}\n"
        f"look at the trials: make ui SWEEP={parent}\n"
    )
