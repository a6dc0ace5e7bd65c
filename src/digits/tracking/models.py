"""Record a trained model in the store, beside its run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import mlflow
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric, Run
from mlflow.models import Model

from digits.tracking.failures import unless_denied

NOT_IN_NAMES = re.compile(r"[/:.%\"']")  # of models
SCORES = ("val_accuracy", "val_error_percent", "test_accuracy", "test_error_percent")


def of_run(run: Run) -> LoggedModel | None:
    """Return the model that the run has recorded completely, or None."""
    return _complete(_begun(run))


def record(run: Run, folder: Path, tags: Mapping[str, str]) -> LoggedModel:
    """Record the model that was saved in `folder` in MLflow's format, unless the run has one, and return it.
    It has the name, the parameters and the classes of the run, and these `tags`."""
    client, begun = mlflow.MlflowClient(), _begun(run)
    model = _complete(begun)
    if model is None:
        for broken_off in begun:
            with unless_denied():  # who may edit an experiment may not delete in it
                client.delete_logged_model(broken_off.model_id)
        classes = {key: run.data.tags[key] for key in ("classes",) if key in run.data.tags}
        name = NOT_IN_NAMES.sub("_", run.info.run_name or "model")
        model = client.create_logged_model(
            run.info.experiment_id, name, run.info.run_id, {**tags, **classes}, run.data.params
        )
        described = Model.load(folder)
        described.run_id, described.artifact_path = run.info.run_id, model.artifact_location
        described.model_id = described.model_uuid = model.model_id
        described.save(folder / "MLmodel")
        client.log_model_artifacts(model.model_id, str(folder))
        model = client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    outputs = run.outputs.model_outputs if run.outputs else []
    if model.model_id not in [output.model_id for output in outputs]:
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model


def record_scores(run_id: str) -> None:
    """Record the SCORES that the run has as those of its model too."""
    run = mlflow.get_run(run_id)
    model = of_run(run)
    if model is None:
        return
    client, known = mlflow.MlflowClient(), {metric.key for metric in model.metrics or ()}
    points = (client.get_metric_history(run_id, key)[-1] for key in SCORES if key in run.data.metrics)
    metrics = [
        Metric(point.key, point.value, point.timestamp, point.step, model_id=model.model_id)
        for point in points
        if point.key not in known
    ]
    if metrics:
        client.log_batch(run_id, metrics=metrics, synchronous=True)


def _complete(models: Sequence[LoggedModel]) -> LoggedModel | None:
    return next((model for model in models if model.status == LoggedModelStatus.READY), None)


def _begun(run: Run) -> list[LoggedModel]:
    found: list[LoggedModel] = mlflow.MlflowClient().search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    )
    return found
