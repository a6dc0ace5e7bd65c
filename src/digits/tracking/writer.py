"""Write to a run of the store. What is written a second time changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from digits.tracking import models, store
from digits.tracking.records import RECORDING


def start_run(key: str, name: str, tags: Mapping[str, str], process: Mapping[str, str], moment: int) -> str:
    """Start the run that has this `key` as a tag or as its id, or let it go on, and return its id. `name` and
    `tags` are for a new run; one that goes on keeps its own. `process` are tags that say which process
    records it now."""
    experiment, client = store.use(), mlflow.MlflowClient()
    found = client.search_runs([experiment], f"tags.{RECORDING} = '{key}'") or client.search_runs(
        [experiment], f"attributes.run_id = '{key}'"
    )
    if found:
        run_id = str(found[0].info.run_id)
        client.update_run(run_id, "RUNNING")
        set_tags(run_id, process)
        _remove_error(run_id)
        return run_id
    run = client.create_run(experiment, moment, {**tags, **process, RECORDING: key}, name)
    if not run.info.run_id:
        raise MlflowException("the store answers without having made a run")
    return str(run.info.run_id)


def end_run(run_id: str, status: str, error: str | None, moment: int) -> None:
    """Record how the run ended: FINISHED, or FAILED or KILLED by an `error`."""
    mlflow.MlflowClient().set_terminated(run_id, status, moment)  # first, since it matters most
    if error:
        set_tags(run_id, {"error": error})
    else:
        _remove_error(run_id)


def _remove_error(run_id: str) -> None:
    client = mlflow.MlflowClient()
    if "error" in client.get_run(run_id).data.tags:
        client.delete_tag(run_id, "error")


def set_tags(run_id: str, tags: Mapping[str, object]) -> None:
    """Set tags of the run."""
    written = [RunTag(key, str(value)) for key, value in tags.items()]
    mlflow.MlflowClient().log_batch(run_id, tags=written, synchronous=True)


def log_params(run_id: str, params: Mapping[str, object]) -> None:
    """Record parameters, which do not change any more."""
    written = [Param(key, str(value)) for key, value in params.items()]
    mlflow.MlflowClient().log_batch(run_id, params=written, synchronous=True)


def log_metrics(
    run_id: str,
    points: Iterable[tuple[Mapping[str, float], int, int]],
    tags: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Record numbers, each with its moment in milliseconds and its step, and set `tags`, in one request."""
    written = [
        Metric(key, float(value), moment, step)
        for metrics, moment, step in points
        for key, value in metrics.items()
    ]
    run_tags = [RunTag(key, value) for key, value in tags.items()]
    mlflow.MlflowClient().log_batch(run_id, metrics=written, tags=run_tags, synchronous=True)


def log_inputs(run_id: str, inputs: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Record data sets, each a context and what mlflow.entities.Dataset has."""
    datasets = [
        DatasetInput(Dataset(**described), [InputTag("mlflow.data.context", context)])
        for context, described in inputs
    ]
    try:
        mlflow.MlflowClient().log_inputs(run_id, datasets)
    except MlflowException:  # another process recorded the same data at the same moment; now they are known
        mlflow.MlflowClient().log_inputs(run_id, datasets)


def log_files(run_id: str, folder: Path) -> None:
    """Record all files in `folder`, under the same relative paths."""
    mlflow.MlflowClient().log_artifacts(run_id, str(folder))


def log_model(run_id: str, folder: Path, model_md5: str, digest: str, moment: int) -> None:
    """Record the model that was saved in `folder` in MLflow's format, and the md5 of its file as a tag.

    If an earlier run made this very file from the data with the same `digest` and scored it, its scores are
    copied to this run: DVC sees that the file is the same, and does not evaluate it again.
    """
    run = mlflow.get_run(run_id)
    if "model_md5" in run.data.tags:
        return
    models.record(run, folder, {"data_digest": digest, "model_md5": model_md5})
    same = store.of_model(model_md5, digest)
    earlier = store.newest(f"{same} and metrics.test_accuracy >= 0")
    if earlier:
        scores = {key: value for key, value in earlier.metrics.items() if key.startswith("test_")}
        log_metrics(run_id, [(scores, moment, 0)])
        set_tags(run_id, {"scored_in_run": earlier.run_id})
    models.record_scores(run_id)
    set_tags(run_id, {"model_md5": model_md5})  # last, since it marks the model as recorded
