"""Measure what checkpoints and recording cost, and how soon a training ends at Ctrl-C.

PYTHONPATH=src python benchmarks/reliability.py                                    MNIST, about 5 minutes
PYTHONPATH=src python benchmarks/reliability.py --rounds 1 data=sample epochs=2    half a minute

In each round the same training runs alone, and with checkpoints, outbox and MLflow, in turn. The first
epoch, in which TensorFlow traces the network, does not count. Then as many trainings are interrupted, each
after its second epoch.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time

from digits import cli
from measuring import Clone, clone, machine, spread

EPOCHS = "epochs=5"


def cost(project: Clone, overrides: list[str]) -> float:
    """Return the time of a training with checkpoints, outbox and MLflow, in relation to the same alone."""
    plain, recorded = (
        float(project.run("python", "benchmarks/recorded_seconds.py", how, *overrides)[1].split()[-1])
        for how in ("plain", "recorded")
    )
    print(f"alone {plain:.2f} s, with checkpoints, outbox and MLflow {recorded:.2f} s", flush=True)
    return recorded / plain


def seconds_to_end(project: Clone, overrides: list[str]) -> float:
    """Return how long a training goes on after Ctrl-C, at a random moment after its second epoch."""
    command = [
        sys.executable,
        "src/experiment.py",
        *overrides,
        "epochs=1000",
        "out=interrupted",
        "resume=false",
    ]
    with subprocess.Popen(
        command,
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        while "epoch 2/" not in process.stdout.readline():
            pass
        time.sleep(random.random())
        start = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        process.wait()
        return time.monotonic() - start


def main(arguments: argparse.Namespace) -> None:
    with clone() as project:
        data = [word for word in arguments.overrides if word.startswith("data=")]
        for stage in ("fetch", "preprocess"):
            project.run("python", f"src/{stage}.py", *data, "out=.")
        rounds = range(arguments.rounds)
        costs = [cost(project, [EPOCHS, *arguments.overrides]) for _ in rounds]
        ends = [seconds_to_end(project, arguments.overrides) for _ in rounds]
    print(f"\n{machine()}\n\n| | | rounds |\n|---|---|---|")
    print(f"| with checkpoints, outbox and MLflow, to the training alone | {spread(costs)} | {len(costs)} |")
    print(f"| seconds from Ctrl-C to the end | {spread(ends)} | {len(ends)} |")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("overrides", nargs="*", help="Hydra overrides")
    cli.run_parsed(main, parser)
