"""Where runs are kept, and how they are read back. Any open store is MLflow's current one."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from digits.errors import UserError


@dataclasses.dataclass(frozen=True)
class Record:
    """A run as it was recorded: parameters as text, metrics at their last step."""

    run_id: str
    name: str
    status: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def root() -> Path:
    """The project's. DVC runs some experiments in a copy of the project, and names the real root in
    DVC_ROOT."""
    return Path(os.environ.get("DVC_ROOT", Path(__file__).resolve().parents[2]))


def uri() -> str:
    """The tracking URI: MLFLOW_TRACKING_URI, or mlflow.db in the project's root."""
    # SQLite writers wait for one another, at most so many seconds
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root() / 'mlflow.db'}?timeout=60"


def use() -> str:
    """Make the store current, and the experiment in it, both created where missing; its id.

    UserError where the server does not answer.
    """
    address, name = uri(), os.environ.get("MLFLOW_EXPERIMENT_NAME", "digits")
    parts = urlsplit(address)
    if parts.hostname and parts.scheme in ("http", "https"):
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname, port), timeout=10).close()
        except OSError as error:
            raise UserError(
                f"MLFLOW_TRACKING_URI: {address} does not answer ({error}); start that server, or unset "
                "the variable to record in mlflow.db"
            ) from None
    mlflow.set_tracking_uri(address)
    with contextlib.ExitStack() as stack:
        location = None
        if parts.scheme == "sqlite":
            folder = Path(parts.path.removeprefix("/")).resolve().parent
            location = (folder / "mlruns" / name).as_uri()
            # two processes that create the tables at once would leave them half-migrated
            stack.enter_context(FileLock(folder / "mlflow.db.lock"))
        try:
            return _set_experiment(name, location)
        except (MlflowException, SQLAlchemyError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{address.partition('?')[0]}: cannot be opened: {reason}") from error


def _set_experiment(name: str, location: str | None) -> str:
    if mlflow.get_experiment_by_name(name) is None:
        try:
            mlflow.create_experiment(name, location)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # on a server another may be quicker
                raise
    return str(mlflow.set_experiment(name).experiment_id)


def search(filter_string: str = "", limit: int = 50_000) -> list[Record]:
    """The runs that MLflow's search syntax selects, newest first. UserError where it is no such syntax."""
    use()
    try:
        found = mlflow.search_runs(
            filter_string=filter_string,
            order_by=["attributes.start_time DESC"],
            output_format="list",
            max_results=limit,
        )
    except MlflowException as error:
        raise UserError(f"filter: {' '.join(str(error).split())}") from error
    return [
        Record(
            run.info.run_id,
            run.info.run_name or "",
            run.info.status,
            run.data.params,
            run.data.metrics,
            run.data.tags,
        )
        for run in found
    ]


def newest(filter_string: str) -> Record | None:
    """The newest run that MLflow's search syntax selects."""
    return next(iter(search(filter_string, limit=1)), None)


def history(run_id: str, metric: str) -> list[tuple[int, float]]:
    """The metric at every step."""
    return [(p.step, p.value) for p in mlflow.MlflowClient().get_metric_history(run_id, metric)]


def comparison(server: str, sweep: str = "") -> str:
    """Where the MLflow server at the URL `server` compares the runs, with a chart for each metric, those
    of the best ten by validation accuracy. With the id of a `sweep`, its trials and no other runs.

    By itself the server opens on a page for language models, which is empty here. In the order of their
    creation trials would be folded away under their parent, whatever the filter; in this one they stand
    beside all other runs, and the filter leaves out the parent, which has no model and no curves. A
    trial's page links to it.
    """
    view = {
        "workflowType": "machine_learning",
        "compareRunsMode": "CHART",
        "searchFilter": f"tags.sweep = '{sweep}'" if sweep else "params.model != ''",
        "orderByKey": "metrics.`val_accuracy`",
        "orderByAsc": "false",
    }
    return f"{server.rstrip('/')}/#/experiments/{use()}/runs?{urlencode(view, quote_via=quote)}"
