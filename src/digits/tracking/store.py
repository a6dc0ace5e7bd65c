"""Open the MLflow store, and read runs from it. The store that was opened last is MLflow's current one."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.utils import get_results_from_paginated_fn
from sqlalchemy.exc import SQLAlchemyError

from digits.base.errors import UserError, message_of
from digits.base.interrupts import interrupts_held
from digits.tracking.address import database_file, experiment_name, no_stray_folder, tracking_uri
from digits.tracking.failures import not_opened
from digits.tracking.moved import follow_move
from digits.tracking.records import DATA_DIGEST, Record

MODEL_FILE = "data/model.keras"  # in the folder of a model in MLflow's format
VALIDATION_ANSWERS = "validation.csv"  # the artifact with the answers on the validation images
PAGE = 500  # runs in one answer of a server, which takes a second or more for them
# MLflow's client would try for minutes, and wait for two at each request
HTTP_DEFAULTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


class StoreAwayError(UserError):
    """The store cannot be opened."""


@interrupts_held()
def use() -> str:
    """Make the store and its experiment current, create both if they are missing, and return the experiment's
    id.

    Raises UserError if the store cannot be opened, is damaged or was moved, or the server does not answer.
    """
    uri, name = tracking_uri(), experiment_name()
    if run_id := os.environ.pop("MLFLOW_RUN_ID", None):  # MLflow would continue it, whatever it is
        print(f"MLFLOW_RUN_ID={run_id} is ignored: each model has a run of its own", file=sys.stderr)
    mlflow.set_tracking_uri(uri)
    # which logs what it raises, with a traceback
    logging.getLogger("mlflow.store.db.utils").setLevel("CRITICAL")
    for key, value in HTTP_DEFAULTS.items():
        os.environ.setdefault(key, value)
    file, location = database_file(uri), None
    with contextlib.ExitStack() as stack:
        stack.enter_context(no_stray_folder(uri))
        if file:
            location = (file.parent / "mlruns" / name).as_uri()
            # two processes that create the tables at once leave them half-migrated
            file.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(file.with_name(f"{file.name}.lock")))
            if file.exists() and file.stat().st_size == 0:
                raise UserError(f"{file}: is empty; put back a copy, or remove it to start a new store")
        try:
            return _set_experiment(name, file, location)
        except (MlflowException, SQLAlchemyError, UnicodeError) as error:
            raise StoreAwayError(not_opened(uri, error)) from error


def check_writable(experiment: str) -> None:
    """See that this user may write to the `experiment` that is open. Raises StoreAwayError if not."""
    if tracking_uri().startswith("http"):
        with one_line_errors():
            # an update that changes nothing, which a server permits to those who may create runs
            mlflow.MlflowClient().rename_experiment(experiment, experiment_name())


def _set_experiment(name: str, file: Path | None, location: str | None) -> str:
    experiment = mlflow.get_experiment_by_name(name)
    if experiment is None:
        try:
            mlflow.create_experiment(name, location)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # on a server another client can be quicker
                raise
    elif file and location and experiment.artifact_location != location:
        follow_move(file, experiment.artifact_location, location)
    return str(mlflow.set_experiment(name).experiment_id)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Raise UserError if what MLflow raises in the block is about a filter, or about the store."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, UnicodeError) as error:
        if getattr(error, "error_code", "") != "INVALID_PARAMETER_VALUE":
            raise StoreAwayError(not_opened(tracking_uri(), error)) from error
        wrong = message_of(error).partition(". Valid keys")[0]  # which MLflow lists in any order
        raise UserError(
            f"filter: {wrong}; write it like \"params.model = 'compact' and metrics.val_accuracy > 0.99\""
        ) from error


@interrupts_held()
def search(filter_string: str = "", limit: int = 50_000) -> list[Record]:
    """Return the runs that MLflow's search syntax selects, newest first.

    Raises UserError if `filter_string` is not in that syntax, or the store cannot be opened.
    """
    experiment, client = use(), mlflow.MlflowClient()
    with one_line_errors():
        found = get_results_from_paginated_fn(
            lambda number, token: client.search_runs(
                [experiment],
                filter_string,
                max_results=number,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            ),
            PAGE,
            limit,
        )
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


def of_model(model_md5: str, digest: str) -> str:
    """Return the filter for runs of the model file with this md5 on the data with this digest."""
    return f"tags.model_md5 = '{model_md5}' and params.`{DATA_DIGEST}` = '{digest}'"


def newest(filter_string: str) -> Record | None:
    """Return the newest run that MLflow's search syntax selects."""
    return next(iter(search(filter_string, limit=1)), None)


@interrupts_held()
def metric_history(run_id: str, metric: str) -> list[tuple[int, float]]:
    """Return the step and the value of the metric at every step."""
    return [(p.step, p.value) for p in mlflow.MlflowClient().get_metric_history(run_id, metric)]
