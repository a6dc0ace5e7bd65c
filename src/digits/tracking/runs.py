"""What MLflow is told of a model.

A run holds the whole story of one trained model: training opens it and evaluation continues it,
found by the md5 of the model file, so that it makes no difference which process does either.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException

from digits import files, store
from digits.config import PRESETS, Config, flat
from digits.data import Split
from digits.store import Record

if TYPE_CHECKING:
    import keras

    from digits.training import Epoch

ROOT = Path(__file__).resolve().parents[2]
SWEEP = "DIGITS_SWEEP"  # the id of the parent, for trials in other processes; MLFLOW_RUN_ID would win
CODE = ("src", "conf", "dvc.yaml", "requirements.txt")


@contextlib.contextmanager
def training_run(config: Config, splits: Mapping[str, Split]) -> Iterator[str]:
    """A new run, with everything that is known before training; yields its id."""
    store.use()
    with run(run_name(config), log_system_metrics=None) as run_id:
        _describe(config)
        _log_inputs(config, splits)
        yield run_id


@contextlib.contextmanager
def evaluation_run(config: Config, model_file: Path, test: Split) -> Iterator[str]:
    """The newest run that trained the model in `model_file`, continued; yields its id.

    Where the store has none, because the model came from a cache that others share, a new run that
    says so.
    """
    store.use()
    model_md5 = files.md5(model_file)
    trained = store.newest(f"tags.model_md5 = '{model_md5}'")
    with run(run_name(config), trained.run_id if trained else None) as run_id:
        if not trained:
            _describe(config)
            mlflow.set_tags({"model_md5": model_md5, "model_from": "a cache; it was trained elsewhere"})
        _log_inputs(config, {"test": test})
        yield run_id


@contextlib.contextmanager
def run(name: str, run_id: str | None = None, log_system_metrics: bool | None = False) -> Iterator[str]:
    """A run, new or continued, that ends as what it was: FINISHED, FAILED or KILLED."""
    os.environ.setdefault("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")  # what None goes by
    # seconds; the default of 10 misses short runs, and 1 takes 3 % of the time of training
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "2")
    parent = os.environ.get(SWEEP)
    tags = {"mlflow.parentRunId": parent, "sweep": parent} if parent and not run_id else None
    active = mlflow.start_run(
        run_id, run_name=name, nested=bool(parent), tags=tags, log_system_metrics=log_system_metrics
    )
    try:
        yield active.info.run_id
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt)
        with contextlib.suppress(MlflowException):  # where the store failed, `error` already says so
            mlflow.set_tag("error", f"{type(error).__name__}: {error}"[:5000])
            mlflow.end_run(RunStatus.to_string(RunStatus.KILLED if killed else RunStatus.FAILED))
        raise
    mlflow.end_run()


def set_tags(tags: Mapping[str, object]) -> None:
    """Tags of the run that is open."""
    mlflow.set_tags(dict(tags))


def _describe(config: Config) -> None:
    mlflow.set_tags(origin())
    mlflow.log_params(parameters(config))
    mlflow.log_dict(config.model_dump(), "config.yaml")


def run_name(config: Config) -> str:
    """The card in a line, so that runs are told apart at a glance. What differs most comes first,
    since MLflow's charts cut names off after some 20 letters."""
    name = (
        f"{config.label} {config.data.name} {config.model.name} s{config.seed} {config.epochs}ep "
        f"lr{config.learning_rate:g} b{config.batch_size} {config.recipe.name}"
    )
    return name.strip()[:250]  # as much as every database of MLflow's takes


def parameters(config: Config) -> dict[str, Any]:
    """The keys of params.yaml as they stand; those of the model and recipe under dotted names."""
    card = config.model_dump()
    sections = {group: card[group] for group in PRESETS}
    named = {group: section.pop("name") for group, section in sections.items()}
    del sections["data"]  # addresses and checksums, which the data sets' digests stand for
    return {**card, **named} | {
        key: value for group, section in sections.items() for key, value in flat(section, f"{group}.")
    }


def origin() -> dict[str, str]:
    tags = {
        "dvc_stage": os.environ.get("DVC_STAGE"),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
        "git_commit": os.environ.get("DVC_EXP_BASELINE_REV") or _git("rev-parse", "HEAD"),
    }
    changes = _git("status", "--porcelain", "--", *CODE)
    if changes is not None:
        tags["git_clean"] = str(changes == "").lower()
    return {key: value for key, value in tags.items() if value}


def _git(*arguments: str) -> str | None:
    try:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _log_inputs(config: Config, splits: Mapping[str, Split]) -> None:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.numpy_dataset import from_numpy

    source = CodeDatasetSource({"data": config.data.name, "split_seed": config.split_seed})
    for name, split in splits.items():
        if len(split):
            dataset = from_numpy(
                split.images, source, split.labels, f"{config.data.name} {name}", split.digest()
            )
            mlflow.log_input(dataset, context=name)


def log_epoch(epoch: Epoch) -> None:
    """One call for all metrics of the epoch, whose number is the step."""
    metrics = {
        "accuracy": epoch.accuracy,
        "loss": epoch.loss,
        "val_accuracy": epoch.val_accuracy,
        "val_loss": epoch.val_loss,
        "learning_rate": epoch.learning_rate,
        "seconds": epoch.seconds,
    }
    known = {key: value for key, value in metrics.items() if value is not None}
    mlflow.log_metrics(known, step=epoch.epoch)


def log_model(model: keras.Model, model_file: Path, example: Split) -> None:
    """The model with its signature and an input example, and the md5 of its file as a tag.

    Where an earlier run made this very file and scored it, the scores hold for this run too: DVC
    sees that the file is the same, and does not evaluate it again.
    """
    from importlib.metadata import version

    from mlflow.models import Model, infer_signature

    def save_model(path: str, **options: Any) -> None:
        Path(path).mkdir()  # which mlflow.keras omits when there is an example: mlflow issue 16183
        mlflow.keras.save_model(path=path, **options)

    images = example.images[:2]
    with contextlib.redirect_stdout(io.StringIO()):  # a progress bar for two images
        Model.log(
            None,
            flavor=SimpleNamespace(__name__="mlflow.keras", save_model=save_model),
            name="model",
            model=model,
            signature=infer_signature(images, model(images).numpy()),
            input_example=images,
            # named here, since MLflow would load the model in another process to find them out
            pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "tensorflow", "numpy")],
        )
    mlflow.log_param("parameters", model.count_params())
    model_md5 = files.md5(model_file)
    earlier = store.newest(f"tags.model_md5 = '{model_md5}' and metrics.test_accuracy >= 0")
    if earlier:
        scores = {k: v for k, v in earlier.metrics.items() if k.startswith("test_")}
        mlflow.log_metrics(scores)
        mlflow.set_tag("scored_in_run", earlier.run_id)
    mlflow.set_tag("model_md5", model_md5)


def log_metrics(metrics: Mapping[str, float]) -> None:
    """Numbers that hold for the run as a whole."""
    mlflow.log_metrics(dict(metrics))


def log_files(folder: Path) -> None:
    """All files in `folder`, as they lie there."""
    mlflow.log_artifacts(str(folder))


def find_run(config: Config) -> Record | None:
    """The newest run of exactly this configuration that was scored on the test set."""
    same = [f"params.`{key}` = '{value}'" for key, value in parameters(config).items()]
    return store.newest(" and ".join([*same, "metrics.test_accuracy >= 0"]))
