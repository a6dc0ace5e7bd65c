"""Start `mlflow ui`, and say at which address the runs are compared."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from urllib.parse import quote, urlencode

from digits.base.errors import UserError
from digits.tracking import store
from digits.tracking.address import no_stray_folder, tracking_uri
from digits.tracking.opening import open_store


def show(port: int, sweep: str = "") -> int:
    """Run `mlflow ui` on `port` until it is interrupted, and return its exit status. If the store is on a
    server, only print the address there. With the id of a `sweep`, its trials are compared, and no other
    runs.

    Raises UserError if the port is in use, or the server does not answer.
    """
    uri = tracking_uri()
    open_store()
    if uri.startswith("http"):
        print(f"the runs are compared at {comparison_address(uri, sweep)}")
        return 0
    if answers(port):
        raise UserError(f"PORT: something answers on port {port} already; try make ui PORT={port + 1}")
    address = comparison_address(f"http://127.0.0.1:{port}", sweep)
    command = ["mlflow", "ui", "--workers", "1", "--port", str(port)]
    # Without the processes that run jobs for language models. In a session of its own, since the server
    # starts processes that would outlive it.
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": uri,  # not an argument, which all users of the machine can read
    }
    server = subprocess.Popen([sys.executable, "-m", *command], env=environment, start_new_session=True)
    with no_stray_folder(uri), _ended(server):
        while server.poll() is None and not answers(port):
            time.sleep(0.2)
        if server.poll() is None:
            print(f"\nthe runs are compared at {address}\n", flush=True)
            if _has_desktop():
                webbrowser.open(address)
        return server.wait()


@contextlib.contextmanager
def _ended(server: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the server and what it started after the block."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def comparison_address(server: str, sweep: str = "") -> str:
    """Return the page of the MLflow server at the URL `server` that compares runs, with a chart for each
    metric, for the best ten by validation accuracy. With the id of a `sweep`, it has its trials and no other
    runs.

    By itself the server opens on a page for language models, which is empty here. Ordered by creation, trials
    would be folded away below their parent, whatever the filter. The filter leaves out the parent, which has
    no model and no curves; a trial's page links to it.
    """
    view = {
        "workflowType": "machine_learning",
        "compareRunsMode": "CHART",
        "searchFilter": f"tags.sweep = '{sweep}'" if sweep else "params.model != ''",
        "orderByKey": "metrics.`val_accuracy`",
        "orderByAsc": "false",
    }
    return f"{server.rstrip('/')}/#/experiments/{store.use()}/runs?{urlencode(view, quote_via=quote)}"


def answers(port: int) -> bool:
    """Return whether something listens on `port` of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _has_desktop() -> bool:
    return sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ))
