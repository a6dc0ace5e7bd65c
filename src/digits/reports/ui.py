"""Start `mlflow ui`, and say at which address the runs are compared."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from digits.base.errors import UserError
from digits.reports.desktop import open_page
from digits.tracking import pages
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
        print(f"the runs are compared at {pages.comparison(uri, sweep)}")
        return 0
    if pages.answers(port):
        raise UserError(f"PORT: something answers on port {port} already; try make ui PORT={port + 1}")
    address = pages.comparison(pages.server(port), sweep)
    command = ["mlflow", "ui", "--workers", "1", "--port", str(port)]
    # Without the processes that run jobs for language models. In a session of its own, since the server
    # starts processes that would outlive it.
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": uri,  # not an argument, which all users of the machine can read
    }
    server = subprocess.Popen([sys.executable, "-m", *command], env=environment, start_new_session=True)
    with no_stray_folder(uri), _ended(server):
        while server.poll() is None and not pages.answers(port):
            time.sleep(0.2)
        if server.poll() is None:
            print(f"\nthe runs are compared at {address}\n", flush=True)
            open_page(address)
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
