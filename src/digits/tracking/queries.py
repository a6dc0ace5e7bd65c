"""Read thousands of runs: a database is asked in one query for no more than a table of them shows.

Nothing here imports MLflow, which takes longer than to read 10,000 runs, unless it is needed: for a server,
or for a filter.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, Text, and_, cast, column, create_engine, func, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from digits.base.interrupts import interrupts_held
from digits.base.processes import this_process
from digits.tracking.address import database_file, experiment_name, tracking_uri
from digits.tracking.outbox import keys_on_disk
from digits.tracking.records import Record

# MLflow's tables, with the columns that are read
EXPERIMENTS = table("experiments", *map(column, ("experiment_id", "name", "workspace", "lifecycle_stage")))
RUNS = table(
    "runs", *map(column, ("run_uuid", "experiment_id", "name", "status", "start_time", "lifecycle_stage"))
)
PARAMETERS = table("params", *map(column, ("run_uuid", "key", "value")))
TAGS = table("tags", *map(column, ("run_uuid", "key", "value")))
METRICS = table("metrics", *map(column, ("run_uuid", "key", "value", "is_nan", "step", "timestamp")))
LATEST_METRICS = table("latest_metrics", *map(column, ("run_uuid", "key", "value", "is_nan")))
# The function that makes an object of keys and values: a run's parameters are one value then, which is
# transferred and parsed in a third of the time of as many rows.
JSON_OBJECT = {"sqlite": func.json_group_object, "postgresql": func.json_object_agg}


@interrupts_held()
def in_order() -> bool:
    """Return whether the store can be read as it is: a database, for which nothing waits in outbox/, and in
    which no run of this machine is RUNNING, as those are that a killed process left."""
    if _dialect() not in JSON_OBJECT or keys_on_disk():
        return False
    try:
        with _session() as session:
            running = select(func.count()).where(
                *_of_experiment(),
                RUNS.c.status == "RUNNING",
                RUNS.c.run_uuid == TAGS.c.run_uuid,
                TAGS.c.key == "host",
                TAGS.c.value == this_process()["host"],
            )
            return session.scalar(_experiment()) is not None and not session.scalar(running)
    except (DBAPIError, OSError):
        return False  # whoever opens the store says why


@interrupts_held()
def read_runs(filter_string: str, metrics: Sequence[str], status: str = "") -> list[Record]:
    """Return the runs that MLflow's search syntax selects, newest first, with their parameters, but of the
    metrics only these, and without tags; only those of one `status` if that is given. A server has no way to
    be asked for less, and answers with everything.

    Raises UserError if `filter_string` is not in MLflow's syntax, or the store cannot be read.
    """
    if _dialect() not in JSON_OBJECT:
        from digits.tracking import store

        return store.search(with_status(status, filter_string) if status else filter_string)
    with _one_line_errors(), _session(for_filter=bool(filter_string)) as session:
        query = _query(metrics)
        if status:
            query = query.where(RUNS.c.status == status)
        if filter_string:
            query = query.where(RUNS.c.run_uuid.in_(_selected(session, filter_string)))
        rows = session.execute(query).all()
    return [_record(row, metrics) for row in rows]


def with_status(status: str, filter_string: str) -> str:
    """Return the filter that selects only those runs that have this status."""
    of_status = f"attributes.status = '{status}'"
    return f"{of_status} and {filter_string}" if filter_string else of_status


@interrupts_held()
def read_histories(run_ids: Collection[str], metric: str) -> Mapping[str, list[tuple[int, float]]]:
    """Return the step and the value of the metric at every step of each run."""
    if _dialect() not in JSON_OBJECT:
        from digits.tracking import store

        return {run_id: store.metric_history(run_id, metric) for run_id in run_ids}
    of_metric = METRICS.c
    query = (
        select(of_metric.run_uuid, of_metric.step, of_metric.value, of_metric.is_nan)
        .where(of_metric.key == metric, of_metric.run_uuid.in_(run_ids))
        .order_by(of_metric.timestamp, of_metric.step, of_metric.value)
    )
    points = defaultdict(list)
    with _one_line_errors(), _session() as session:
        for run_id, step, value, is_nan in session.execute(query):
            points[run_id].append((step, math.nan if is_nan else value))
    return points


def _dialect() -> str:
    """Return the name of the database, or the protocol of the server."""
    return tracking_uri().partition(":")[0].partition("+")[0]


@contextlib.contextmanager
def _session(for_filter: bool = False) -> Iterator[Session]:
    """Yield a session of the database, or of MLflow for a filter, since MLflow changes what LIKE means.
    Raises FileNotFoundError if it is a file that does not exist, which SQLite would create."""
    if for_filter:
        import mlflow

        from digits.tracking import store

        store.use()
        opened = mlflow.MlflowClient()._tracking_client.store.ManagedSessionMaker()
    else:
        file = database_file(tracking_uri())
        if file:
            file.stat()
        opened = Session(create_engine(tracking_uri(), poolclass=NullPool))
    with opened as session:
        if _dialect() == "postgresql":
            session.execute(text("SET LOCAL jit = off"))  # to compile a query takes longer than to run it
        yield session


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except Exception:
        from digits.tracking import store

        with store.one_line_errors():
            raise


def _experiment() -> Select[Any]:
    """Return the query for the id of the current experiment."""
    return select(EXPERIMENTS.c.experiment_id).where(
        EXPERIMENTS.c.name == experiment_name(),
        EXPERIMENTS.c.workspace == "default",  # the only one, except on a server
        EXPERIMENTS.c.lifecycle_stage == "active",
    )


def _of_experiment() -> tuple[Any, ...]:
    """Return the conditions for the runs of the current experiment that are not deleted."""
    return RUNS.c.experiment_id == _experiment().scalar_subquery(), RUNS.c.lifecycle_stage == "active"


def _query(metrics: Sequence[str]) -> Select[Any]:
    """Return the query for all runs of the current experiment."""
    parameters = select(cast(JSON_OBJECT[_dialect()](PARAMETERS.c.key, PARAMETERS.c.value), Text)).where(
        PARAMETERS.c.run_uuid == RUNS.c.run_uuid
    )
    query: Select[Any] = select(RUNS.c.run_uuid, RUNS.c.name, RUNS.c.status, parameters.scalar_subquery())
    for number, metric in enumerate(metrics):
        latest = LATEST_METRICS.alias(f"latest{number}")
        query = query.add_columns(latest.c.value, latest.c.is_nan).outerjoin(
            latest, and_(latest.c.run_uuid == RUNS.c.run_uuid, latest.c.key == metric)
        )
    return query.where(*_of_experiment()).order_by(RUNS.c.start_time.desc(), RUNS.c.run_uuid)


def _selected(session: Session, filter_string: str) -> Select[Any]:
    """Return the query for the ids of the runs that a filter selects. What it means is left to MLflow."""
    from mlflow.store.tracking import sqlalchemy_store
    from mlflow.store.tracking.dbmodels.models import SqlRun
    from mlflow.utils.search_utils import SearchUtils

    parsed = SearchUtils.parse_search_filter(filter_string)
    of_runs, of_others, of_datasets = sqlalchemy_store._get_sqlalchemy_filter_clauses(
        parsed, session, _dialect()
    )
    found: Select[Any] = select(SqlRun.run_uuid).where(*of_runs)
    for clause in of_others:
        found = found.join(clause)
    for clause in of_datasets:
        found = found.join(clause, SqlRun.run_uuid == clause.c.destination_id)
    return found


def _record(row: Sequence[Any], metrics: Sequence[str]) -> Record:
    run_id, name, status, parameters, *values = row
    of_metrics = {
        metric: math.nan if is_nan else value
        for metric, value, is_nan in zip(metrics, values[::2], values[1::2], strict=True)
        if value is not None
    }
    return Record(run_id, name or "", status, json.loads(parameters or "{}"), of_metrics, {})
