"""Let many processes record at once on a tracking server, and check that nothing is lost.

PYTHONPATH=src python benchmarks/recorders.py           32 processes, 2 minutes
PYTHONPATH=src python benchmarks/recorders.py --processes 8 --seconds 30 \\
    --store postgresql://user:password@host/an-empty-database

The server is a `mlflow ui` with one worker on this machine. Its store is a new SQLite file in a temporary
folder, or the database that is named. The runs are those of scale.py; each process records one after the
other. Prints how many runs there were in a minute and what the server used of the processors, and exits with
1 if a run or an epoch is not in the store exactly once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Collection

import psutil

from digits import cli

APART = 1_000_000  # the first runs of two processes, so that no two are equal


def main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        address = arguments.store or f"sqlite:///{folder}/mlflow.db?timeout=60"
        os.environ["MLFLOW_TRACKING_URI"] = address
        os.environ["DVC_ROOT"] = folder  # where the outboxes are
        os.environ["MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"] = "false"
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

        from growing_store import start_server  # imports MLflow, once for all processes

        with start_server(folder) as (url, server):
            os.environ["MLFLOW_TRACKING_URI"] = url
            before, start = processor_seconds(server), time.monotonic()
            # a fork, since each process would import MLflow by itself otherwise
            with multiprocessing.get_context("fork").Pool(arguments.processes) as pool:
                end = start + arguments.seconds
                jobs = [(number, end) for number in range(arguments.processes)]
                recorded = [key for keys in pool.starmap(record_until, jobs) for key in keys]
                pool.close()
                pool.join()  # or they would be interrupted
            seconds, used = time.monotonic() - start, processor_seconds(server) - before
        os.environ["MLFLOW_TRACKING_URI"] = address
        check(recorded)
    print(f"{arguments.processes} processes recorded {len(recorded)} runs in {seconds:.0f} s: ", end="")
    print(f"{60 * len(recorded) / seconds:.0f} runs a minute; nothing is missing, nothing is there twice")
    share = used / seconds / (os.cpu_count() or 1)
    print(f"the server used {used / seconds:.2f} processors, {share:.0%} of the machine's {os.cpu_count()}")


def record_until(number: int, end: float) -> list[str]:
    """Record runs until the moment `end`, at least one. Return their keys."""
    from digits.tracking.opening import open_store
    from growing_store import GrowingStore

    store = GrowingStore(first=number * APART)
    keys = [store.record()]
    while time.monotonic() < end:
        keys.append(store.record())
    open_store()  # which delivers what had to wait for the server
    return keys


def processor_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process and of those that it started."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def check(keys: Collection[str]) -> None:
    """Exit with 1 unless the store has exactly the runs with these keys, each with its scores and every
    epoch once."""
    from digits.tracking import queries, store
    from growing_store import EPOCHS

    found = store.search("attributes.status = 'FINISHED'")
    if sorted(run.key for run in found) != sorted(keys) or len(store.search()) != len(keys):
        sys.exit(f"error: {len(keys)} runs were recorded; the store has {len(found)} that are finished")
    for metric in ("loss", "val_accuracy"):
        histories = queries.read_histories([run.run_id for run in found], metric)
        for run in found:
            if [step for step, _ in histories[run.run_id]] != [*range(1, EPOCHS + 1)]:
                sys.exit(f"error: the run {run.key} has the {metric} of other epochs than were recorded")
    if any("test_accuracy" not in run.metrics for run in found):
        sys.exit("error: a run has no test accuracy")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("--processes", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=120, help="how long (default: %(default)s)")
    parser.add_argument("--store", help="an empty database (default: a new SQLite file)")
    cli.run_parsed(main, parser)
