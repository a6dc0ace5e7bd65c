"""Runs of every kind that a store can have, and a check that they are read as MLflow itself reads them."""

from __future__ import annotations

import math

import mlflow
import numpy as np
from hypothesis import strategies as st
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import Metric, Param, RunTag

from digits.tracking import address, queries, store
from digits.tracking.records import Record

METRICS = ("val_accuracy", "loss", "odd name/of-a_metric", "recorded by no run")
ODD_KEY = "of presets.odd key"
ODD = 'it\'s "odd" \\ % _ {} [bold]\n\t\x01 é 数 🙂'
CLAUSES = """\
params.model = 'a'
params.model != 'a'
params.model LIKE '%A%'
params.model ILIKE '%A%'
params.`of presets.odd key` = ''
params.model IS NULL
params.model IS NOT NULL
metrics.val_accuracy > 0.8
metrics.val_accuracy != 0.5
metrics.loss < 1
metrics.`odd name/of-a_metric` = 0
tags.kind = 'child'
tags.`odd.tag` LIKE '%odd%'
tags.kind IS NULL
attributes.status = 'FINISHED'
attributes.status != 'RUNNING'
run_name LIKE 'run%'
attributes.start_time > 1000
start_time <= 1000
attributes.run_id != 'x'
run_id IN ('x', 'y')
run_id NOT IN ('x')
dataset.name = 'numbers'
dataset.digest = 'd1'
dataset.context = 'train'""".splitlines()
FILTERS = st.lists(st.sampled_from(CLAUSES), max_size=3, unique=True).map(" and ".join)
WRONG_FILTERS = (
    *("nothing of the kind", "metrics.loss > 'a'", "metrics.loss IS NULL", "params.model > 'a'"),
    "attributes.none = 'a'",
)


def record_diverse_runs() -> None:
    """Record runs in the current experiment, and one in another."""
    experiment, client = store.use(), mlflow.MlflowClient()
    other = client.create_experiment(f"beside {address.experiment_name()}")
    numbers = [from_numpy(np.arange(3), name="numbers", digest=digest) for digest in ("d1", "d2")]

    def record(
        name: str,
        params: dict[str, str],
        metrics: dict[str, list[float]],
        tags: dict[str, str],
        status: str = "FINISHED",
        start_time: int = 1000,
        experiment: str = experiment,
    ) -> str:
        run = client.create_run(experiment, start_time, tags, name).info.run_id
        points = [
            Metric(key, value, 5, step)
            for key, values in metrics.items()
            for step, value in enumerate(values)
        ]
        client.log_batch(run, points, [Param(*item) for item in params.items()], [RunTag("after", ODD)])
        client.set_terminated(run, status, 2000)
        return str(run)

    parent = record("run 1", {"model": "a", "seed": "0", ODD_KEY: ""}, {"val_accuracy": [0.5, 0.1 + 0.2]}, {})
    record("run 2", {"zeta": "1", "model": "A", "alpha": ODD}, {"val_accuracy": [math.nan]}, {"odd.tag": ODD})
    child = {"kind": "child", "mlflow.parentRunId": parent}
    record("child", {"model": "b" * 6000}, {"loss": [math.inf, -math.inf], METRICS[2]: [0, -0.0]}, child)
    record("worse", {"model": "a"}, {"val_accuracy": [1e-300, 0.9], "loss": [1, 5]}, {}, "FAILED", 3000)
    record(
        "fractions", {"model": "a"}, {"val_accuracy": [1 / 3], "loss": [2**0.5]}, {"kind": "x"}, "KILLED", 2
    )
    record("nothing", {}, {}, {}, "RUNNING", 4000)
    record("elsewhere", {"model": "a"}, {"val_accuracy": [0.9]}, {}, experiment=other)
    client.delete_run(record("deleted", {"model": "a"}, {"val_accuracy": [0.95]}, {}))
    with mlflow.start_run(parent):
        for each in numbers:  # a filter for the context finds the run twice
            mlflow.log_input(each, context="train")


def read_by_mlflow(filter_string: str) -> list[Record]:
    """Return what `queries.read_runs` should."""
    found = mlflow.search_runs([store.use()], filter_string, output_format="list")
    return [
        Record(
            run.info.run_id,
            run.info.run_name,
            run.info.status,
            run.data.params,
            {key: run.data.metrics[key] for key in METRICS if key in run.data.metrics},
            {},
        )
        for run in found
    ]


def assert_histories_equally_read() -> None:
    """Compare the histories of metrics in the same way."""
    ids = [run.run_id for run in queries.read_runs("", [])]
    for metric in METRICS:
        read = queries.read_histories(ids, metric)
        for run_id in ids:
            assert repr(read[run_id]) == repr(store.metric_history(run_id, metric))


def assert_equally_read(filter_string: str) -> None:
    """Compare what is read with what MLflow reads: numbers to the last digit, NaN included."""
    ours, theirs = queries.read_runs(filter_string, METRICS), read_by_mlflow(filter_string)
    assert [repr(record) for record in ours] == [repr(record) for record in theirs]
