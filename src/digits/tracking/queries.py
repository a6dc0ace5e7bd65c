"""Read thousands of runs. A database is asked in one query for no more than a table of them shows."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import mlflow
from sqlalchemy import Select, Text, and_, cast, func, select, text
from sqlalchemy.orm import Session, aliased

from digits.base.interrupts import interrupts_held
from digits.tracking import store
from digits.tracking.address import tracking_uri
from digits.tracking.records import Record

# The function that makes an object of keys and values: a run's parameters are one value then, which is
# transferred and parsed in a third of the time of as many rows.
JSON_OBJECT = {"sqlite": func.json_group_object, "postgresql": func.json_object_agg}


@interrupts_held()
def read_runs(filter_string: str, metrics: Sequence[str]) -> list[Record]:
    """Return the runs that `store.search` returns, with their parameters, but of the metrics only these, and
    without tags. A server has no way to be asked for less, and answers with everything.

    Raises UserError if `filter_string` is not in MLflow's syntax, or the store cannot be opened.
    """
    if _dialect() not in JSON_OBJECT:
        return store.search(filter_string)
    experiment = int(store.use())
    with store.one_line_errors(), _database().ManagedSessionMaker() as session:
        if _dialect() == "postgresql":
            session.execute(text("SET LOCAL jit = off"))  # to compile the query takes longer than to run it
        rows = session.execute(_query(session, experiment, filter_string, metrics)).all()
    return [_record(row, metrics) for row in rows]


@interrupts_held()
def read_histories(run_ids: Collection[str], metric: str) -> Mapping[str, list[tuple[int, float]]]:
    """Return the step and the value of the metric at every step of each run."""
    if _dialect() not in JSON_OBJECT:
        return {run_id: store.metric_history(run_id, metric) for run_id in run_ids}
    points = defaultdict(list)
    for point in _database().get_metric_history_bulk(run_ids, metric, max_results=None):
        points[point.run_id].append((point.step, point.value))
    return points


def _dialect() -> str:
    """Return the name of the database, or the protocol of the server."""
    return tracking_uri().partition(":")[0].partition("+")[0]


def _database() -> Any:
    """Return MLflow's own connection to the store."""
    return mlflow.MlflowClient()._tracking_client.store


def _query(session: Session, experiment: int, filter_string: str, metrics: Sequence[str]) -> Select[Any]:
    """Return the query for `read_runs`. What the filter means is left to MLflow, as in its own search."""
    # here, since they take half a second to import and are of no use with a server
    from mlflow.store.tracking import sqlalchemy_store
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun
    from mlflow.utils.search_utils import SearchUtils

    parsed = SearchUtils.parse_search_filter(filter_string)
    of_runs, of_others, of_datasets = sqlalchemy_store._get_sqlalchemy_filter_clauses(
        parsed, session, _dialect()
    )
    found: Select[Any] = select(SqlRun.run_uuid).where(
        SqlRun.experiment_id == experiment, SqlRun.lifecycle_stage == "active", *of_runs
    )
    for clause in of_others:
        found = found.join(clause)
    for clause in of_datasets:
        found = found.join(clause, SqlRun.run_uuid == clause.c.destination_id)
    parameters = select(cast(JSON_OBJECT[_dialect()](SqlParam.key, SqlParam.value), Text)).where(
        SqlParam.run_uuid == SqlRun.run_uuid
    )
    query = select(SqlRun.run_uuid, SqlRun.name, SqlRun.status, parameters.scalar_subquery())
    for metric in metrics:
        latest = aliased(SqlLatestMetric)
        query = query.add_columns(latest.value, latest.is_nan).outerjoin(
            latest, and_(latest.run_uuid == SqlRun.run_uuid, latest.key == metric)
        )
    return query.where(SqlRun.run_uuid.in_(found)).order_by(SqlRun.start_time.desc(), SqlRun.run_uuid)


def _record(row: Sequence[Any], metrics: Sequence[str]) -> Record:
    run_id, name, status, parameters, *values = row
    of_metrics = {
        metric: math.nan if is_nan else value
        for metric, value, is_nan in zip(metrics, values[::2], values[1::2], strict=True)
        if value is not None
    }
    return Record(run_id, name or "", status, json.loads(parameters or "{}"), of_metrics, {})
