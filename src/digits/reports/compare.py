"""Rank the runs in the store, and draw the learning curves of the best."""

from __future__ import annotations

import sys
from pathlib import Path

from digits.base.errors import UserError
from digits.reports import figures, tables
from digits.reports.ranking import group_label, rank, varying
from digits.tracking import store

CURVES = 8  # groups in the figure; more cannot be told apart
FORMATS = {
    "table": tables.print_table,
    "markdown": lambda rows: print(tables.to_markdown(rows), end=""),
    "csv": tables.print_csv,
}


def compare(filter_string: str, metric: str, format: str, picture: Path) -> None:
    """Print the finished runs that MLflow's search syntax selects, ranked by `metric`, in one of FORMATS, and
    write learning curves to `picture`.

    Raises UserError if the filter is wrong, or no run has the metric.
    """
    finished = "attributes.status = 'FINISHED'"
    records = store.search(f"{finished} and {filter_string}" if filter_string else finished)
    groups = rank(records, metric)
    if not groups:
        known = sorted({name for r in records for name in r.metrics if not name.startswith("system/")})
        raise UserError(
            f"metric: none of the {len(records)} runs that were selected has {metric}"
            + (f"; they have {', '.join(known)}" if known else f" (in {store.uri()})")
        )
    FORMATS[format](tables.to_rows(groups, metric))
    names = varying(groups)
    curves = {
        group_label(group, names): {
            name: [store.metric_history(record.run_id, name) for record in group.records]
            for name in ("accuracy", "val_accuracy")
        }
        for group in groups[:CURVES]
    }
    figures.draw_curves(f"the best {len(curves)} of {len(groups)}", curves, picture)
    print(f"learning curves: {picture}", file=sys.stderr)
