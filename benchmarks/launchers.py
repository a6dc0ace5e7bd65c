"""Compare the trials of a sweep in turn with two at a time.

PYTHONPATH=src python benchmarks/launchers.py
PYTHONPATH=src python benchmarks/launchers.py --seeds 8 model=small epochs=5
PYTHONPATH=src python benchmarks/launchers.py data=sample model=small recipe=sprint

Both sweeps train the same seeds in a temporary clone of the last commit: Hydra's basic launcher with two
threads, then joblib with two workers of one thread each. Prints trials per hour, the start of the processes
included, and their ratio. Exits with 1 if the models are not the same, to the bit.
"""

from __future__ import annotations

import argparse
import sys

from digits import cli
from measuring import Clone, clone, machine

JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


def sweep(project: Clone, seeds: int, *overrides: str) -> tuple[float, dict[str, str]]:
    """Return trials per hour, and for each seed the md5 of the model file."""
    which = f"seed=range({seeds})"
    usage, _ = project.run("python", "src/experiment.py", "-m", which, *overrides)
    trials = project.newest_runs(seeds)
    assert len({trial.tags["sweep"] for trial in trials}) == 1
    models = {trial.parameters["seed"]: trial.tags["model_md5"] for trial in trials}
    return 3600 * seeds / usage.wall, models


def main(arguments: argparse.Namespace) -> None:
    overrides, seeds = arguments.overrides, arguments.seeds
    with clone() as project:
        for stage in ("fetch", "preprocess"):
            project.run("python", f"src/{stage}.py", *overrides, "out=.")
        basic, reference = sweep(project, seeds, *overrides, "threads=2")
        joblib, models = sweep(project, seeds, *overrides, *JOBLIB, "threads=1")
    print(
        f"\n{machine()}\n\n| launcher | trials per hour | ratio |\n|---|---|---|\n"
        f"| basic, 2 threads | {basic:.0f} | 1.00 |\n"
        f"| joblib, 2 workers of 1 thread | {joblib:.0f} | {joblib / basic:.2f} |\n"
    )
    if models != reference:
        sys.exit(f"error: joblib's models differ from those trained in turn: {models} and {reference}")
    print("joblib's models are those trained in turn, to the bit")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("overrides", nargs="*", help="Hydra overrides, for both sweeps")
    parser.add_argument("--seeds", type=int, default=16, help="how many trials (default: %(default)s)")
    cli.run_parsed(main, parser)
