"""Write to a run. An interrupt that arrives meanwhile waits."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature

from digits.base import files
from digits.base.errors import UserError
from digits.base.interrupts import interrupts_held
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.tracking import store
from digits.tracking.address import tracking_uri
from digits.tracking.origin import origin, uncommitted
from digits.tracking.sender import EpochSender

if TYPE_CHECKING:
    import keras

    from digits.learning.history import Epoch


@interrupts_held()
def set_tags(run_id: str, tags: Mapping[str, object]) -> None:
    """Set tags of the run."""
    mlflow.MlflowClient().log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()])


def recorded_parameters(config: Config, digest: str) -> dict[str, str]:
    """Return what tells runs apart, as MLflow gives it back: configuration and digest of the data."""
    return config.recorded_parameters() | {store.DATA_DIGEST: digest}


@interrupts_held()
def describe(run_id: str, config: Config, digest: str) -> None:
    """Record what is trained: configuration, digest of the data, and the code."""
    set_tags(run_id, origin())
    mlflow.log_params(recorded_parameters(config, digest), run_id=run_id)
    mlflow.log_dict(config.model_dump(), "config.yaml", run_id=run_id)
    if changes := uncommitted():
        mlflow.log_text(changes, "uncommitted.patch", run_id=run_id)


@interrupts_held()
def log_inputs(run_id: str, config: Config, splits: Splits) -> None:
    """Record the splits as data sets, each with its shape and digest, except those without images."""
    source = CodeDatasetSource({"data": config.data.name, "split_seed": config.split_seed})
    inputs = []
    for name, split in splits.items():
        if len(split):
            label = f"{config.data.name} {name}"
            described = from_numpy(split.images, source, split.labels, label, split.digest)
            context = InputTag("mlflow.data.context", name)
            inputs.append(DatasetInput(Dataset(**described.to_dict()), [context]))
    try:
        mlflow.MlflowClient().log_inputs(run_id, inputs)
    except MlflowException:  # another process recorded the same data at the same moment; now they are known
        mlflow.MlflowClient().log_inputs(run_id, inputs)


@interrupts_held()
def log_epoch(run_id: str, epoch: Epoch) -> None:
    """Record the metrics of an epoch in one call. Its number is the step."""
    send_epoch(run_id, epoch)


def send_epoch(run_id: str, epoch: Epoch, moment: int | None = None) -> None:
    """Do the same from another thread than the one that is interrupted, with the time in milliseconds."""
    mlflow.log_metrics(epoch.metrics(), step=epoch.epoch, run_id=run_id, timestamp=moment)


@contextlib.contextmanager
def epochs_of(run_id: str) -> Iterator[Callable[[Epoch], None]]:
    """Yield a function that records an epoch in the run: at once if the store is on this machine, and in its
    own time if it is a server.

    Raises UserError at the end if the server does not take them.
    """
    uri = tracking_uri()
    if not uri.startswith("http"):
        yield functools.partial(log_epoch, run_id)
        return
    with EpochSender(functools.partial(send_epoch, run_id), uri) as sender:
        yield sender.put
    if sender.left:
        raise UserError(
            f"{uri}: does not take the last {sender.left} epochs; they are kept, and the same command sends "
            "them and goes on once the server is back"
        )


def recorded_epochs(run_id: str) -> set[int]:
    """Return the numbers of the epochs that the run has already."""
    return {step for step, _ in store.metric_history(run_id, "loss")}


@interrupts_held()
def log_metrics(run_id: str, metrics: Mapping[str, float]) -> None:
    """Record numbers that belong to the run as a whole."""
    mlflow.log_metrics(dict(metrics), run_id=run_id)


@interrupts_held()
def log_files(run_id: str, folder: Path) -> None:
    """Record all files in `folder`, under the same relative paths."""
    mlflow.log_artifacts(str(folder), run_id=run_id)


@interrupts_held()
def log_model(run_id: str, model: keras.Model, model_file: Path, splits: Splits) -> None:
    """Record the model with its signature, and the md5 of its file as a tag, unless the run has them from
    before it was killed. The run must be the active one.

    If an earlier run made this very file from the same data and scored it, its scores are copied to this run:
    DVC sees that the file is the same, and does not evaluate it again.
    """
    client, known = mlflow.MlflowClient(), mlflow.get_run(run_id)
    if "model_md5" in known.data.tags:
        return
    begun = client.search_logged_models([known.info.experiment_id], f"source_run_id = '{run_id}'")
    unfinished = [each for each in begun if each.status != LoggedModelStatus.READY]
    for each in unfinished:
        client.delete_logged_model(each.model_id)
    if len(unfinished) == len(begun):
        images = splits["train"].images[:2]
        mlflow.keras.log_model(
            model,
            name="model",
            signature=infer_signature(images, model(images).numpy()),
            # named here, since MLflow would load the model in another process to find them out
            pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "tensorflow", "numpy")],
        )
    mlflow.log_params({"parameters": model.count_params()}, run_id=run_id)
    model_md5 = files.md5(model_file)
    same = store.of_model(model_md5, splits.digest)
    earlier = store.newest(f"{same} and metrics.test_accuracy >= 0")
    if earlier:
        log_metrics(run_id, {k: v for k, v in earlier.metrics.items() if k.startswith("test_")})
        set_tags(run_id, {"scored_in_run": earlier.run_id})
    set_tags(run_id, {"model_md5": model_md5})
