"""The addresses of MLflow's pages."""

from __future__ import annotations

import socket
from urllib.parse import quote, urlencode

from digits.tracking import store
from digits.tracking.address import tracking_uri

UI_PORT = 5000  # of `make ui`


def server(port: int = UI_PORT) -> str:
    """Return the address of the tracking server, or the one that `make ui` has on `port` of this machine if
    the store is a database."""
    uri = tracking_uri()
    return uri.rstrip("/") if uri.startswith("http") else f"http://127.0.0.1:{port}"


def comparison(server: str, sweep: str = "") -> str:
    """Return the page that compares runs, with a chart for each metric, for the best ten by validation
    accuracy. With the id of a `sweep`, it has its trials and no other runs.

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
    return f"{_experiment(server)}/runs?{urlencode(view, quote_via=quote)}"


def run(server: str, run_id: str) -> str:
    """Return the page of a run. Without the workflow type it becomes one for language models."""
    return f"{_experiment(server)}/runs/{run_id}?workflowType=machine_learning"


def _experiment(server: str) -> str:
    return f"{server.rstrip('/')}/#/experiments/{quote(store.use())}"


def answers(port: int) -> bool:
    """Return whether something listens on `port` of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
