"""Rank the runs in the store, with replicates over seeds as one row.

python src/compare.py
python src/compare.py "params.model = 'compact' and metrics.val_accuracy > 0.99"
python src/compare.py --format markdown --metric val_loss --picture curves.png
"""

import argparse
import gc
from pathlib import Path

from digits import cli
from digits.reports.background import drawing_process


def main(arguments: argparse.Namespace) -> None:
    gc.disable()  # what there is to collect is not worth a tenth of the time
    with drawing_process() as drawing:
        from digits.reports.compare import compare  # meanwhile

        compare(arguments.filter, arguments.metric, arguments.format, arguments.picture, drawing)


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument(
        "filter", nargs="?", default="", help="which runs, in MLflow's search syntax; default: all"
    )
    parser.add_argument("--metric", default="val_accuracy", help="rank by this metric")
    parser.add_argument(
        "--format", choices=("table", "markdown", "csv"), default="table", help="of the ranking"
    )
    parser.add_argument(
        "--picture", type=Path, default=Path("outputs/compare.png"), help="file for the learning curves"
    )
    cli.run_parsed(main, parser)
