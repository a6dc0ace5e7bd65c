"""Measure what the pipeline costs around the training.

PYTHONPATH=src python benchmarks/pipeline.py
PYTHONPATH=src python benchmarks/pipeline.py --rounds 1 --idle-rounds 1 data=sample epochs=1

In turn, in a temporary clone of the last commit: `dvc repro` with nothing done yet, and the same loading,
training, evaluation and saving in one process (bare.py). Then `dvc repro` with nothing to do, `dvc status`,
and `dvc --version`. Prints ratios of wall time.
"""

from __future__ import annotations

import argparse
import shutil

import yaml

from digits import cli
from measuring import Clone, clone, machine, spread


def set_params(project: Clone, settings: list[str]) -> None:
    """Change values in the clone's params.yaml; each setting is KEY=VALUE."""
    file = project.root / "params.yaml"
    params = yaml.safe_load(file.read_text(encoding="utf-8"))
    for setting in settings:
        key, _, value = setting.partition("=")
        params[key] = yaml.safe_load(value)
    file.write_text(yaml.safe_dump(params), encoding="utf-8")


def remove_results(project: Clone) -> None:
    """Remove everything that an earlier `dvc repro` left."""
    for folder in ("data/raw", "data/prepared", "models", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project.root / folder, ignore_errors=True)


def time_from_nothing(project: Clone, number: int) -> float:
    """Return the time of `dvc repro` in relation to the bare process."""
    bare, _ = project.run("python", "benchmarks/bare.py", "raw/data/raw", f"bare{number}")
    remove_results(project)
    repro, _ = project.run("dvc", "repro", "--force")
    return repro.wall / bare.wall


def time_idle(project: Clone) -> tuple[float, float]:
    """Return the time of `dvc repro` with nothing to do in relation to `dvc --version` and to `dvc
    status`."""
    version, _ = project.run("dvc", "--version")
    nothing, _ = project.run("dvc", "repro")
    status, _ = project.run("dvc", "status")
    return nothing.wall / version.wall, nothing.wall / status.wall


def main(arguments: argparse.Namespace) -> None:
    with clone() as project:
        set_params(project, arguments.settings)
        project.run("python", "src/fetch.py", "out=raw")
        # so that no round waits for the network
        project.environment["DIGITS_MIRROR"] = str(project.root / "raw/data/raw")
        whole = [time_from_nothing(project, number) for number in range(arguments.rounds)]
        idle = [time_idle(project) for _ in range(arguments.idle_rounds)]
    lines = (
        ("dvc repro from nothing, to one bare process", whole),
        ("dvc repro with nothing to do, to dvc --version", [to_version for to_version, _ in idle]),
        ("dvc repro with nothing to do, to dvc status", [to_status for _, to_status in idle]),
    )
    print(f"\n{machine()}\n\n| wall time of | ratio | rounds |\n|---|---|---|")
    for name, ratios in lines:
        print(f"| {name} | {spread(ratios)} | {len(ratios)} |")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="other values for params.yaml")
    parser.add_argument("--rounds", type=int, default=5, help="of dvc repro from nothing (%(default)s)")
    parser.add_argument("--idle-rounds", type=int, default=9, help="with nothing to do (%(default)s)")
    cli.run_parsed(main, parser)
