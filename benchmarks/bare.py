"""Run the experiment of params.yaml in one process, without DVC and MLflow: from fetched files to a model and
predictions.

PYTHONPATH=src python benchmarks/bare.py data/raw outputs/bare

pipeline.py compares the pipeline with this.
"""

import argparse
from pathlib import Path

import numpy as np

from digits import cli
from digits.config.request import compose_request
from digits.config.schema import Config
from digits.data import splits


def main(arguments: argparse.Namespace) -> None:
    request = compose_request([], Config, arguments.out)
    prepared = splits.prepare(request.config, arguments.raw)

    from digits.learning import runtime

    runtime.start(request.resources.threads)

    from digits.learning import evaluation, model_file, training

    model, _ = training.train(request.config, prepared)
    model_file.save(model, prepared.classes, request.config.data, request.out / "model.keras")
    report = evaluation.evaluate(
        model_file.load(request.out / "model.keras", prepared.shape, prepared.classes), prepared["test"]
    )
    np.savetxt(request.out / "predictions.csv", report.predicted, fmt="%d")
    print(report.accuracy)


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("raw", type=Path, help="the folder with the fetched files")
    parser.add_argument("out", type=Path, help="the folder to write to")
    cli.run_parsed(main, parser)
