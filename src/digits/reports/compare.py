"""Rank the runs in the store, and draw the learning curves of the best."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from digits.base.errors import UserError
from digits.reports import figures, tables
from digits.reports.ranking import Group, by_data, group_label, rank, varying
from digits.tracking import store
from digits.tracking.address import shown, tracking_uri
from digits.tracking.opening import open_store

CURVES = 8  # groups in a figure; more cannot be told apart
FORMATS = ("table", "markdown", "csv")


def compare(filter_string: str, metric: str, format: str, picture: Path) -> None:
    """Print the finished runs that MLflow's search syntax selects, ranked by `metric`, in one of FORMATS, and
    write learning curves to `picture`. Each data set has a table and a picture of its own.

    Raises UserError if the filter is wrong, or no run has the metric.
    """
    open_store()
    finished = "attributes.status = 'FINISHED'"
    records = store.search(f"{finished} and {filter_string}" if filter_string else finished)
    ranked = {data: rank(of_data, metric) for data, of_data in by_data(records).items()}
    ranked = {data: groups for data, groups in ranked.items() if groups}
    if not ranked:
        known = sorted({name for r in records for name in r.metrics if not name.startswith("system/")})
        raise UserError(
            f"metric: none of the {len(records)} runs that were selected has {metric}"
            + (f"; they have {', '.join(known)}" if known else f" (in {shown(tracking_uri())})")
        )
    _print({data: tables.to_rows(groups, metric) for data, groups in ranked.items()}, format)
    for data, groups in ranked.items():
        file = picture
        if len(ranked) > 1:
            file = picture.with_stem(f"{picture.stem}-{data.replace(', digest ', '-').replace(' ', '-')}")
        _draw_best(data, groups, file)
        print(f"learning curves: {file}", file=sys.stderr)


def _print(rows_by_data: Mapping[str, tables.Rows], format: str) -> None:
    several = len(rows_by_data) > 1
    if format == "csv":
        tables.print_csv(
            [
                ({"data": data} if several else {}) | dict(row)
                for data, rows in rows_by_data.items()
                for row in rows
            ]
        )
        return
    for data, rows in rows_by_data.items():
        if several:
            print(f"\n{data}\n")
        if format == "table":
            tables.print_table(rows)
        else:
            print(tables.to_markdown(rows), end="")


def _draw_best(data: str, groups: Sequence[Group], file: Path) -> None:
    names, best = varying(groups), groups[:CURVES]
    curves = {
        group_label(group, names): {
            name: [store.metric_history(record.run_id, name) for record in group.records]
            for name in ("accuracy", "val_accuracy")
        }
        for group in best
    }
    figures.draw_curves(f"{data}: the best {len(best)} of {len(groups)}", curves, file)
