"""Open the MLflow store, and read runs from it. The store that was opened last is MLflow's current one."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from digits.base.errors import UserError
from digits.base.interrupts import interrupts_held
from digits.base.paths import main_root


@dataclasses.dataclass(frozen=True)
class Record:
    """A run as it was recorded: parameters as text, metrics at their last step."""

    run_id: str
    name: str
    status: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def uri() -> str:
    """Return the tracking URI: MLFLOW_TRACKING_URI, or mlflow.db in the project's root."""
    # a process that writes to SQLite waits for the others, at most for the time-out in seconds
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{main_root() / 'mlflow.db'}?timeout=60"


@interrupts_held()
def use() -> str:
    """Make the store and its experiment current, create both if they are missing, and return the experiment's
    id.

    Raises UserError if the store cannot be opened or the server does not answer.
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
            # two processes that create the tables at once leave them half-migrated
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
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # on a server another client can be quicker
                raise
    return str(mlflow.set_experiment(name).experiment_id)


@interrupts_held()
def search(filter_string: str = "", limit: int = 50_000) -> list[Record]:
    """Return the runs that MLflow's search syntax selects, newest first.

    Raises UserError if `filter_string` is not in that syntax, or the store cannot be opened.
    """
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
    """Return the newest run that MLflow's search syntax selects."""
    return next(iter(search(filter_string, limit=1)), None)


@interrupts_held()
def metric_history(run_id: str, metric: str) -> list[tuple[int, float]]:
    """Return the step and the value of the metric at every step."""
    return [(p.step, p.value) for p in mlflow.MlflowClient().get_metric_history(run_id, metric)]
