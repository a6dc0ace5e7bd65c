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


def runs_filter(sweep: str = "") -> str:
    """Return the filter for the trials of a `sweep`, or for all runs except parents, which have no model and
    no curves. A trial's page links to its parent."""
    return f"tags.sweep = '{sweep}'" if sweep else "params.model != ''"


def comparison(server: str, sweep: str = "", view: str | None = None) -> str:
    """Return the page that compares runs in charts: all of them, or the trials of a `sweep`. It is arranged
    as the saved `view` says (see digits.tracking.views); without one it has a chart for each metric.

    By itself the server opens on a page for language models, which is empty here.
    """
    page = {"workflowType": "machine_learning", "compareRunsMode": "CHART"}
    if view:  # which has the filter and the order; in the address they would keep MLflow from opening it
        page |= {"viewStateShareKey": view}
    else:
        page |= {
            "searchFilter": runs_filter(sweep),
            "orderByKey": "metrics.`val_accuracy`",
            "orderByAsc": "false",
        }
    return f"{_experiment(server)}/runs?{urlencode(page, quote_via=quote)}"


def run(server: str, run_id: str) -> str:
    """Return the page of a run. Without the workflow type it becomes one for language models."""
    return f"{_experiment(server)}/runs/{run_id}?workflowType=machine_learning"


def _experiment(server: str) -> str:
    return f"{server.rstrip('/')}/#/experiments/{quote(store.use())}"


def answers(port: int) -> bool:
    """Return whether something listens on `port` of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
