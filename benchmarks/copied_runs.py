"""Fill an MLflow store with copies of a run, a thousand times as fast as runs are recorded."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import mlflow
from sqlalchemy import Connection, MetaData, Table, select

AT_ONCE = 200  # runs in one statement
APART = 100  # milliseconds between two runs
UNIQUE = ("recording", "model_md5")  # tags that no two runs have in common
Row = dict[str, Any]


def copy_run(run_id: str, parameters: Mapping[int, Mapping[str, str]]) -> None:
    """Copy a run of the current store, which must be a database. Each copy has a number, by which its metrics
    differ a little, and `parameters` of its own."""
    engine = mlflow.MlflowClient()._tracking_client.store.engine
    known = MetaData()
    known.reflect(engine)
    with engine.begin() as connection:
        template = _rows_of(connection, known.tables, run_id)
        numbers = list(parameters)
        for first in range(0, len(numbers), AT_ONCE):
            rows: dict[str, list[Row]] = {name: [] for name in template}
            for number in numbers[first : first + AT_ONCE]:
                for name, copies in _copies(template, number, parameters[number]):
                    rows[name] += copies
            for name, several in rows.items():
                if several:
                    connection.execute(known.tables[name].insert(), several)


def _rows_of(connection: Connection, tables: Mapping[str, Table], run_id: str) -> dict[str, list[Row]]:
    """Return the rows that belong to the run, by their table."""
    found = {}
    for name in ("runs", "params", "tags", "metrics", "latest_metrics", "inputs"):
        table = tables[name]
        own = table.c["destination_id" if name == "inputs" else "run_uuid"] == run_id
        found[name] = [dict(row) for row in connection.execute(select(table).where(own)).mappings()]
    return found


def _copies(
    template: Mapping[str, list[Row]], number: int, parameters: Mapping[str, str]
) -> Iterable[tuple[str, list[Row]]]:
    noise = random.Random(number)
    run_id = uuid.UUID(int=noise.getrandbits(128)).hex
    factor = 1 - 0.01 * noise.random()  # of each metric
    (run,) = template["runs"]
    times = {key: run[key] + APART * number for key in ("start_time", "end_time")}
    artifacts = run["artifact_uri"].replace(run["run_uuid"], run_id)
    yield "runs", [run | times | {"run_uuid": run_id, "artifact_uri": artifacts}]
    own = {"run_uuid": run_id}
    yield (
        "params",
        [row | own | {"value": parameters.get(row["key"], row["value"])} for row in template["params"]],
    )
    unique = {key: noise.randbytes(16).hex() for key in UNIQUE}
    yield "tags", [row | own | {"value": unique.get(row["key"], row["value"])} for row in template["tags"]]
    for name in ("metrics", "latest_metrics"):
        yield name, [row | own | {"value": row["value"] * factor} for row in template[name]]
    ids = [uuid.UUID(int=noise.getrandbits(128)).hex for _ in template["inputs"]]
    yield (
        "inputs",
        [
            row | {"input_uuid": new, "destination_id": run_id}
            for row, new in zip(template["inputs"], ids, strict=True)
        ],
    )
