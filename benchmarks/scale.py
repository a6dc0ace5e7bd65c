"""Time what grows with the number of runs in an MLflow store.

PYTHONPATH=src python benchmarks/scale.py               1,000 and 10,000 runs
PYTHONPATH=src python benchmarks/scale.py 10 20
PYTHONPATH=src python benchmarks/scale.py --store postgresql://user:password@host/an-empty-database

The store is a new SQLite file in a temporary folder, or the database that is named. The runs are of 10
epochs, and fabricated: one is recorded by digits.tracking, the others are copies of it that differ in seed,
learning rate and metrics. At each number of runs: the seconds to record one more, to compare all of them with
`python src/compare.py`, to read and rank them within a process, and to answer what the first page of
`mlflow ui` asks. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import os
import tempfile

from digits import cli

SIZES = [1_000, 10_000]


def main(arguments: argparse.Namespace) -> None:
    sizes = sorted(arguments.sizes or SIZES)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder  # where outbox/ is
        os.environ["MLFLOW_TRACKING_URI"] = arguments.store or f"sqlite:///{folder}/mlflow.db?timeout=60"
        os.environ["MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"] = "false"

        from growing_store import GrowingStore, create_experiment, start_server  # imports MLflow

        create_experiment(folder)
        store, measured = GrowingStore(), []
        with start_server(folder) as (url, _):
            for size in sizes:
                store.fill(size)
                measured.append(store.measure(url))
    print_table(sizes, measured)


def print_table(sizes: list[int], measured: list[dict[str, float]]) -> None:
    """Print the seconds at each size, and the ratio of those at the last to those at the first."""
    header = ["seconds to", *(f"{size:,} runs" for size in sizes), "ratio"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for name in measured[0]:
        values = [seconds[name] for seconds in measured]
        cells = [*(f"{value:.3f}" for value in values), f"{values[-1] / values[0]:.1f}"]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("sizes", nargs="*", type=int, help=f"numbers of runs (default: {SIZES})")
    parser.add_argument("--store", help="an empty database (default: a new SQLite file)")
    cli.run_parsed(main, parser)
