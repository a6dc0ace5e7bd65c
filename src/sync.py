"""Record what waits in outbox/ because the MLflow store was away. Every command that uses the store does the
same before anything else.

python src/sync.py
MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python src/sync.py
MLFLOW_EXPERIMENT_NAME=letters python src/sync.py
"""

import argparse

from digits import cli


def main(_: argparse.Namespace) -> None:
    from digits.reports.sync import sync

    sync()


if __name__ == "__main__":
    cli.run_parsed(main, cli.Parser())
