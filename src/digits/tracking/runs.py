"""Record training and evaluation as MLflow runs.

One run records one trained model, from its configuration to its test scores. Training opens the run, and
evaluation adds the scores. It is found by the md5 of the model file and the digest of the data, so that
either can happen in any process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import mlflow
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException

from digits.base import files
from digits.base.errors import UserError, without_credentials
from digits.base.interrupts import interrupts_held
from digits.base.processes import this_process
from digits.config.request import Request
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.tracking import store, writer
from digits.tracking.failures import failed
from digits.tracking.store import Record

LONGEST_NAME = 250  # of a run, in every database that MLflow supports
LONGEST_TAG = 5000
STORE_FAILED = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")  # what the client says then
SAMPLING_SECONDS = "2"  # of system metrics; MLflow's 10 misses short runs, 1 takes 3 % of the training


@contextlib.contextmanager
def training_run(
    request: Request[Config], splits: Splits, tags: Mapping[str, str], interrupted: str | None = None
) -> Iterator[str]:
    """Start a run, or continue the one with the id `interrupted` if the store has it. Record everything that
    is known before training, and yield the run's id.

    `tags` say what the training is computed with. The run ends FINISHED, FAILED or KILLED.
    """
    store.use()
    interrupted = interrupted if interrupted and store.has(interrupted) else None
    parent = request.options.parent_run
    with run(run_name(request), interrupted, parent, log_system_metrics=None) as run_id:
        writer.describe(run_id, request.config, splits.digest)
        writer.set_tags(run_id, {"workers": request.resources.workers, **tags})
        writer.log_inputs(run_id, request.config, splits)
        yield run_id


def record_scores(
    request: Request[Config], splits: Splits, scores: Mapping[str, float], reports: Path
) -> None:
    """Add the `scores` of `request.model_file` on the test images, and the files in `reports`, to the newest
    run that trained it on these data. What a run has it keeps: its status, and scores that it has already.

    If there is no such run, the scores have a run of their own. Within DVC its parameters are those of the
    request: DVC makes sure that they describe the model, which came from a cache. Otherwise only those of the
    data are known to be true.
    """
    store.use()
    model_md5 = files.md5(request.model_file)
    known = store.newest(store.of_model(model_md5, splits.digest))
    if known:
        if "test_accuracy" not in known.metrics:
            _add_scores(known.run_id, request.config, splits, scores, reports)
        elif "scored_in_run" in known.tags:  # it has the scores of an equal model, and not its reports
            _add_scores(known.run_id, request.config, splits, {}, reports)
        return
    elsewhere = store.newest(f"tags.model_md5 = '{model_md5}'")
    of_dvc = "DVC_STAGE" in os.environ
    name = run_name(request) if of_dvc else f"test of {request.model_file.name} on {request.config.data.name}"
    with run(name, parent=request.options.parent_run) as run_id:
        if of_dvc:
            writer.describe(run_id, request.config, splits.digest)
        else:
            parameters = writer.recorded_parameters(request.config, splits.digest)
            of_data = {key: value for key, value in parameters.items() if key.partition(".")[0] == "data"}
            mlflow.log_params(of_data, run_id=run_id)
        trained = elsewhere.run_id if elsewhere else "none of this store"
        writer.set_tags(run_id, {"model_md5": model_md5, "trained_in_run": trained})
        _add_scores(run_id, request.config, splits, scores, reports)


def _add_scores(
    run_id: str, config: Config, splits: Splits, scores: Mapping[str, float], reports: Path
) -> None:
    writer.log_inputs(run_id, config, splits)
    writer.log_files(run_id, reports)
    if scores:
        writer.log_metrics(run_id, scores)  # last, since they mark the run as scored


@contextlib.contextmanager
def run(
    name: str, run_id: str | None = None, parent: str | None = None, log_system_metrics: bool | None = False
) -> Iterator[str]:
    """Start a run with this name and `parent`, or continue the run `run_id`, which keeps its own. It ends
    FINISHED, FAILED or KILLED. With None for `log_system_metrics` MLflow's environment variables decide."""
    os.environ.setdefault("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", SAMPLING_SECONDS)
    tags = dict(this_process())
    if parent and not run_id:
        tags |= {"mlflow.parentRunId": parent, "sweep": parent}
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
            if "error" in active.data.tags:  # it is continued after one
                mlflow.MlflowClient().delete_tag(active.info.run_id, "error")
        yield active.info.run_id
    except BaseException as error:
        if active is not None:
            status = RunStatus.KILLED if isinstance(error, KeyboardInterrupt) else RunStatus.FAILED
            # if the store failed, `error` already says so
            with interrupts_held(), contextlib.suppress(MlflowException):
                mlflow.end_run(RunStatus.to_string(status))
                reason = without_credentials(f"{type(error).__name__}: {error}")[:LONGEST_TAG]
                mlflow.MlflowClient().set_tag(active.info.run_id, "error", reason)
        if isinstance(error, MlflowException) and error.error_code in STORE_FAILED:
            raise UserError(failed(error)) from error
        raise
    with interrupts_held():
        mlflow.end_run()


def run_name(request: Request[Config]) -> str:
    """Return what the experiment is in one line. What differs most comes first, since MLflow's charts show
    about 20 letters of a name."""
    config = request.config
    name = (
        f"{request.label} {config.data.name} {config.model.name} s{config.seed} {config.epochs}ep "
        f"lr{config.learning_rate:g} b{config.batch_size} {config.recipe.name} {config.optimizer}"
    )
    return name.strip()[:LONGEST_NAME]


def find_run(config: Config, digest: str | None) -> Record | None:
    """Return the newest run of exactly this configuration that was scored on the test set, of the data with
    this digest unless it is None."""
    wanted = config.recorded_parameters() if digest is None else writer.recorded_parameters(config, digest)
    same = [f"params.`{key}` = '{value}'" for key, value in wanted.items()]
    return store.newest(" and ".join([*same, "metrics.test_accuracy >= 0"]))
