"""Train on the prepared images, and print how many seconds all epochs after the first took, in the last line.

PYTHONPATH=src python benchmarks/recorded_seconds.py plain epochs=5         the training alone
PYTHONPATH=src python benchmarks/recorded_seconds.py recorded epochs=5      with all that is kept of it

reliability.py starts it.
"""

import argparse
import time
from pathlib import Path

from digits import cli
from digits.base import paths
from digits.config.request import compose_request
from digits.config.schema import Config
from digits.data import archive
from digits.experiment.run import start_learning


def main(arguments: argparse.Namespace) -> None:
    request = compose_request(arguments.overrides, Config, Path())
    prepared = archive.load(request.config, paths.PREPARED, "train", "validation")
    start_learning(request)

    from digits.experiment.interrupted import resumable
    from digits.experiment.recorded import fit, run_of
    from digits.learning import training

    moments: list[float] = []

    def mark(_: object) -> None:
        moments.append(time.perf_counter())

    if arguments.how == "plain":
        training.train(request.config, prepared, mark)
    else:
        with (
            resumable(request, prepared) as progress,
            run_of(request, prepared, progress) as recording,
        ):
            fit(recording, request, prepared, progress, mark)
    print(moments[-1] - moments[0])


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("how", choices=("plain", "recorded"))
    parser.add_argument("overrides", nargs="*", help="Hydra overrides")
    cli.run_parsed(main, parser)
