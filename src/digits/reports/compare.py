"""Rank the runs in the store, and draw the learning curves of the best."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from digits.base.errors import UserError
from digits.reports import tables
from digits.reports.background import Drawing
from digits.reports.figures import Curves
from digits.reports.ranking import Group, by_data, group_label, rank, varying
from digits.tracking import queries
from digits.tracking.address import shown, tracking_uri

CURVES = 8  # groups in a figure; more cannot be told apart
FORMATS = ("table", "markdown", "csv")


def compare(filter_string: str, metric: str, format: str, picture: Path, drawing: Drawing) -> None:
    """Print the finished runs that MLflow's search syntax selects, ranked by `metric`, in one of FORMATS, and
    write learning curves to `picture`. Each data set has a table and a picture of its own.

    Raises UserError if the filter is wrong, or no run has the metric.
    """
    if not queries.in_order():
        from digits.tracking.opening import open_store  # which imports MLflow

        open_store()
    records = queries.read_runs(
        filter_string, list(dict.fromkeys([metric, *tables.SCORES])), status="FINISHED"
    )
    ranked = {data: rank(of_data, metric) for data, of_data in by_data(records).items()}
    ranked = {data: groups for data, groups in ranked.items() if groups}
    if not ranked:
        from digits.tracking import store  # which imports MLflow

        found = store.search(queries.with_status("FINISHED", filter_string))
        known = sorted({name for r in found for name in r.metrics if not name.startswith("system/")})
        raise UserError(
            f"metric: none of the {len(found)} runs that were selected has {metric}"
            + (f"; they have {', '.join(known)}" if known else f" (in {shown(tracking_uri())})")
        )
    pictures = {data: picture for data in ranked}
    if len(ranked) > 1:
        pictures = {data: picture.with_stem(f"{picture.stem}-{_in_file_name(data)}") for data in ranked}
    for data, groups in ranked.items():
        title = f"{data}: the best {len(groups[:CURVES])} of {len(groups)}"
        drawing.draw_curves(title, _curves(groups), pictures[data])
    _print({data: tables.to_rows(groups, metric) for data, groups in ranked.items()}, format)
    for file in pictures.values():
        drawing.wait()
        print(f"learning curves: {file}", file=sys.stderr)


def _in_file_name(data: str) -> str:
    return data.replace(", digest ", "-").replace(" ", "-")


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


def _curves(groups: Sequence[Group]) -> Curves:
    """Return the accuracies of the best groups at each epoch, as `draw_curves` takes them."""
    names, best = varying(groups), groups[:CURVES]
    runs = [record.run_id for group in best for record in group.records]
    histories = {name: queries.read_histories(runs, name) for name in ("accuracy", "val_accuracy")}
    return {
        group_label(group, names): {
            name: [of_runs[record.run_id] for record in group.records] for name, of_runs in histories.items()
        }
        for group in best
    }
