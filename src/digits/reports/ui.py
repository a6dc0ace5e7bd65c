"""Start `mlflow ui`, and say at which address the runs are compared."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import mlflow
import requests

from digits.base.errors import UserError
from digits.reports.desktop import open_page
from digits.reports.ranking import rank, varying
from digits.tracking import pages, queries, store, views
from digits.tracking.address import no_stray_folder, shown, tracking_uri
from digits.tracking.failures import reported
from digits.tracking.opening import open_store

ALL_RUNS = ("model", "recipe", "learning_rate", "batch_size", "seed")  # the parameters that are shown of them
MOST_PARAMETERS = 6  # of a sweep, side by side
PATIENCE = 10  # seconds


def show(port: int, sweep: str = "") -> int:
    """Run `mlflow ui` on `port` until it is interrupted, and return its exit status. If the store is on a
    server, or one of this store runs on the port already, only print the address there. With the id of a
    `sweep` or search, its trials are compared, and no other runs.

    Raises UserError if there is no such sweep, the port is in use, or the server does not answer.
    """
    uri = tracking_uri()
    experiment = open_store().experiment
    with reported():
        view = _save_view(experiment, sweep)
        running = not uri.startswith("http") and pages.answers(port)
        if running and not _serves(port, experiment):
            raise UserError(f"PORT: something answers on port {port} already; try make ui PORT={port + 1}")
        address = pages.comparison(pages.server(port), sweep, view)
    if running or uri.startswith("http"):
        print(f"the runs are compared at {address}")
        return 0
    # Without what uvicorn says of each request, which would take the address out of sight.
    command = ["mlflow", "ui", "--workers", "1", "--port", str(port), "--uvicorn-opts", "--log-level=warning"]
    # Without the processes that run jobs for language models. In a session of its own, since the server
    # starts processes that would outlive it.
    environment = {"PYTHONWARNINGS": "ignore"} | os.environ
    environment |= {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": uri,  # not an argument, which all users of the machine can read
    }
    server = subprocess.Popen([sys.executable, "-m", *command], env=environment, start_new_session=True)
    with no_stray_folder(uri), _ended(server):
        while server.poll() is None and not pages.answers(port):
            time.sleep(0.2)
        if server.poll() is None:
            print(f"\nuntil Ctrl-C the runs are compared at {address}\n", flush=True)
            open_page(address)
        return server.wait()


def _save_view(experiment: str, sweep: str) -> str | None:
    """Save how the charts are arranged. Return the key of the view, or None if this user may only read."""
    if not sweep:
        return views.save(experiment, "Digits: all runs", pages.runs_filter(), ALL_RUNS)
    parent = store.newest(f"attributes.run_id = '{sweep}'") if re.fullmatch(r"[0-9a-f]{32}", sweep) else None
    if parent is None or not {"sweep_key", "study_key"} & set(parent.tags):
        raise UserError(
            f"SWEEP: {sweep} is no sweep or search in {shown(tracking_uri())}; both print their id at the end"
        )
    groups = rank(queries.read_runs(pages.runs_filter(sweep), ["val_accuracy"]))
    names = [name for name in varying(groups) if name != "parameters"][:MOST_PARAMETERS]
    return views.save(experiment, f"Digits: {parent.name}", pages.runs_filter(sweep), names or ["seed"])


def _serves(port: int, experiment: str) -> bool:
    """Return whether what answers on the port of this machine is MLflow with this very experiment."""
    ours = mlflow.get_experiment(experiment)
    url = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get"
    try:
        theirs = requests.get(url, {"experiment_id": experiment}, timeout=PATIENCE).json()["experiment"]
        return (theirs["artifact_location"], theirs["creation_time"]) == (
            ours.artifact_location,
            ours.creation_time,
        )
    except (requests.RequestException, ValueError, LookupError, TypeError):
        return False


@contextlib.contextmanager
def _ended(server: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the server and what it started after the block."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()
