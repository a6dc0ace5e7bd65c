"""Helpers that tests of several packages call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow

from digits.base import paths
from digits.config.compose import compose_values
from digits.config.request import Request, to_request
from digits.config.schema import Config
from digits.data.splits import Split

ROOT = paths.ROOT
MakeSplit = Callable[[int], Split]
SMALL = ("data=sample", "model.filters=[4,8]", "epochs=2", "batch_size=20", "threads=2")


def make_request(*overrides: str, out: Path = Path(), primary: str = "config") -> Request[Config]:
    """Return a request for a small network on data=sample, whatever params.yaml says, changed by Hydra
    `overrides`."""
    composed = compose_values([*SMALL, *overrides], primary, presets_only=True)
    return to_request(composed, Config, out)


def recorded_runs(filter_string: str = "") -> list[mlflow.entities.Run]:
    """Return the runs of the active experiment that MLflow's search syntax selects, oldest first."""
    from digits.tracking import store

    found: list[mlflow.entities.Run] = mlflow.search_runs(
        [store.use()], filter_string, output_format="list", order_by=["attributes.start_time ASC"]
    )
    return found


def metric_points(run_id: str, metric: str) -> list[tuple[int, float]]:
    """Return the step and the value of a recorded metric at every step."""
    history: Any = mlflow.MlflowClient().get_metric_history(run_id, metric)
    return [(point.step, point.value) for point in history]
