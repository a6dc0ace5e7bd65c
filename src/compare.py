"""Rank the runs in the store: python src/compare.py "params.model = 'compact'" --format markdown"""

import argparse
import csv
import sys
from pathlib import Path

import entry_point
from digits import comparison, figures
from digits.errors import UserError

CURVES = 8  # groups in the picture; more cannot be told apart


def main(arguments: argparse.Namespace) -> None:
    from digits import store

    finished = "attributes.status = 'FINISHED'"
    chosen = f"{finished} and {arguments.filter}" if arguments.filter else finished
    records = store.search(chosen)
    groups = comparison.fold(records, arguments.metric)
    if not groups:
        known = sorted({name for r in records for name in r.metrics if not name.startswith("system/")})
        raise UserError(
            f"metric: none of the {len(records)} runs that were chosen has {arguments.metric}"
            + (f"; they have {', '.join(known)}" if known else f" (in {store.uri()})")
        )
    rows = comparison.table(groups, arguments.metric)
    if arguments.format == "markdown":
        print(comparison.markdown(rows), end="")
    elif arguments.format == "csv":
        writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        comparison.show(rows)
    names = comparison.varying(groups)
    curves = {
        comparison.label(group, names): {
            metric: [store.history(record.run_id, metric) for record in group.records]
            for metric in ("accuracy", "val_accuracy")
        }
        for group in groups[:CURVES]
    }
    figures.curves(f"the best {len(curves)} of {len(groups)}", curves, arguments.picture)
    print(f"learning curves: {arguments.picture}", file=sys.stderr)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Rank the runs in the store, replicates over seeds folded.")
    parser.add_argument("filter", nargs="?", default="", help="which runs, in MLflow's search syntax")
    parser.add_argument("--metric", default="val_accuracy", help="what to rank by, highest first")
    parser.add_argument("--format", choices=("table", "markdown", "csv"), default="table")
    parser.add_argument("--picture", type=Path, default=Path("outputs/compare.png"), help="learning curves")
    return parser.parse_args()


if __name__ == "__main__":
    entry_point.quiet()
    entry_point.collect_rarely()
    try:
        main(parse())
    except UserError as error:
        sys.exit(f"error: {error}")
