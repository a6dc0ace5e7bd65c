"""Record training and evaluation as MLflow runs.

One run records one trained model, from its configuration to its test scores. Training opens the run, and
evaluation continues it. It is found by the md5 of the model file, so that either can happen in any process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature

from digits.base import files
from digits.base.interrupts import interrupts_held
from digits.config.request import Request
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.tracking import store
from digits.tracking.origin import origin
from digits.tracking.store import Record

if TYPE_CHECKING:
    import keras

    from digits.learning.history import Epoch

LONGEST_NAME = 250  # of a run, in every database that MLflow supports
SAMPLING_SECONDS = "2"  # of system metrics; MLflow's 10 misses short runs, 1 takes 3 % of the training


@contextlib.contextmanager
def training_run(request: Request[Config], splits: Splits, tags: Mapping[str, str]) -> Iterator[str]:
    """Start a run, record everything that is known before training, and yield the run's id.

    `tags` say what the training is computed with. The run ends FINISHED, FAILED or KILLED.
    """
    store.use()
    name, parent = run_name(request), request.options.parent_run
    with run(name, parent=parent, log_system_metrics=None) as run_id:
        _describe(request.config)
        set_tags({"workers": request.resources.workers, **tags})
        _log_inputs(request.config, splits)
        yield run_id


@contextlib.contextmanager
def evaluation_run(request: Request[Config], splits: Splits) -> Iterator[str]:
    """Continue the newest run that trained `request.model_file`, and yield its id.

    If the store has none, because the model came from a cache that others share, start a run that says so.
    """
    store.use()
    model_md5 = files.md5(request.model_file)
    trained = store.newest(f"tags.model_md5 = '{model_md5}'")
    with run(run_name(request), trained.run_id if trained else None, request.options.parent_run) as run_id:
        if not trained:
            _describe(request.config)
            set_tags({"model_md5": model_md5, "model_from": "a cache; it was trained elsewhere"})
        _log_inputs(request.config, splits)
        yield run_id


@contextlib.contextmanager
def run(
    name: str, run_id: str | None = None, parent: str | None = None, log_system_metrics: bool | None = False
) -> Iterator[str]:
    """Start a run with this name and `parent`, or continue the run `run_id`, which keeps its own. It ends
    FINISHED, FAILED or KILLED. With None for `log_system_metrics` MLflow's environment variables decide."""
    os.environ.setdefault("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", SAMPLING_SECONDS)
    tags = {"mlflow.parentRunId": parent, "sweep": parent} if parent and not run_id else None
    active = None
    try:
        with interrupts_held():
            active = mlflow.start_run(
                run_id,
                run_name=None if run_id else name,  # MLflow would rename the run that is continued
                nested=True,
                tags=tags,
                log_system_metrics=log_system_metrics,
            )
        yield active.info.run_id
    except BaseException as error:
        if active is not None:
            status = RunStatus.KILLED if isinstance(error, KeyboardInterrupt) else RunStatus.FAILED
            # if the store failed, `error` already says so
            with interrupts_held(), contextlib.suppress(MlflowException):
                mlflow.end_run(RunStatus.to_string(status))
                reason = f"{type(error).__name__}: {error}"[:5000]
                mlflow.MlflowClient().set_tag(active.info.run_id, "error", reason)
        raise
    with interrupts_held():
        mlflow.end_run()


@interrupts_held()
def set_tags(tags: Mapping[str, object]) -> None:
    """Set tags of the active run."""
    mlflow.set_tags(dict(tags))


def run_name(request: Request[Config]) -> str:
    """Return what the experiment is in one line. What differs most comes first, since MLflow's charts show
    about 20 letters of a name."""
    config = request.config
    name = (
        f"{request.label} {config.data.name} {config.model.name} s{config.seed} {config.epochs}ep "
        f"lr{config.learning_rate:g} b{config.batch_size} {config.recipe.name} {config.optimizer}"
    )
    return name.strip()[:LONGEST_NAME]


@interrupts_held()
def _describe(config: Config) -> None:
    mlflow.set_tags(origin())
    mlflow.log_params(config.parameters())
    mlflow.log_dict(config.model_dump(), "config.yaml")


@interrupts_held()
def _log_inputs(config: Config, splits: Splits) -> None:
    source = CodeDatasetSource({"data": config.data.name, "split_seed": config.split_seed})
    for name, split in splits.items():
        if len(split):
            label = f"{config.data.name} {name}"
            mlflow.log_input(
                from_numpy(split.images, source, split.labels, label, split.digest), context=name
            )


@interrupts_held()
def log_epoch(epoch: Epoch) -> None:
    """Record the metrics of an epoch in one call. Its number is the step."""
    mlflow.log_metrics(epoch.metrics(), step=epoch.epoch)


@interrupts_held()
def log_metrics(metrics: Mapping[str, float]) -> None:
    """Record numbers that belong to the run as a whole."""
    mlflow.log_metrics(dict(metrics))


@interrupts_held()
def log_files(folder: Path) -> None:
    """Record all files in `folder`, under the same relative paths."""
    mlflow.log_artifacts(str(folder))


@interrupts_held()
def log_model(model: keras.Model, model_file: Path, splits: Splits) -> None:
    """Record the model with its signature, and the md5 of its file as a tag.

    If an earlier run made this very file and scored it, its scores are copied to this run: DVC sees that the
    file is the same, and does not evaluate it again.
    """
    images = splits["train"].images[:2]
    mlflow.keras.log_model(
        model,
        name="model",
        signature=infer_signature(images, model(images).numpy()),
        # named here, since MLflow would load the model in another process to find them out
        pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "tensorflow", "numpy")],
    )
    mlflow.log_param("parameters", model.count_params())
    model_md5 = files.md5(model_file)
    earlier = store.newest(f"tags.model_md5 = '{model_md5}' and metrics.test_accuracy >= 0")
    if earlier:
        mlflow.log_metrics({k: v for k, v in earlier.metrics.items() if k.startswith("test_")})
        mlflow.set_tag("scored_in_run", earlier.run_id)
    mlflow.set_tag("model_md5", model_md5)


def find_run(config: Config) -> Record | None:
    """Return the newest run of exactly this configuration that was scored on the test set."""
    same = [f"params.`{key}` = '{value}'" for key, value in config.recorded_parameters().items()]
    return store.newest(" and ".join([*same, "metrics.test_accuracy >= 0"]))
