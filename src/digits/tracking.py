"""What MLflow is told. The only module that knows it.

A run holds the whole story of one trained model: training opens it and evaluation continues it,
found by the md5 of the model file, so that it makes no difference which process does either.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import socket
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import mlflow
from filelock import BaseFileLock, FileLock
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from digits import files
from digits.comparison import Group, Record, flat
from digits.config import PRESETS, Config
from digits.data import Split
from digits.errors import UserError

if TYPE_CHECKING:
    import keras

    from digits.training import Epoch

ROOT = Path(__file__).resolve().parents[2]
SWEEP = "DIGITS_SWEEP"  # the id of the parent, for trials in other processes; MLFLOW_RUN_ID would win
CODE = ("src", "conf", "dvc.yaml", "requirements.txt")


def store() -> str:
    """The tracking URI: MLFLOW_TRACKING_URI, or mlflow.db in the project's root.

    DVC runs some experiments in a copy of the project, and names the real root in DVC_ROOT.
    """
    database = Path(os.environ.get("DVC_ROOT", ROOT)) / "mlflow.db"
    # SQLite writers wait for one another, at most so many seconds
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{database}?timeout=60"


def open_store() -> str:
    """Make the store current, and the experiment in it, both created where missing; its id.

    UserError where the server does not answer.
    """
    uri, name = store(), os.environ.get("MLFLOW_EXPERIMENT_NAME", "digits")
    address = urlsplit(uri)
    if address.hostname and address.scheme in ("http", "https"):
        try:
            port = address.port or (443 if address.scheme == "https" else 80)
            socket.create_connection((address.hostname, port), timeout=10).close()
        except OSError as error:
            raise UserError(
                f"MLFLOW_TRACKING_URI: {uri} does not answer ({error}); start that server, or unset "
                "the variable to record in mlflow.db"
            ) from None
    mlflow.set_tracking_uri(uri)
    with contextlib.ExitStack() as stack:
        location = None
        if address.scheme == "sqlite":
            root = Path(address.path.removeprefix("/")).resolve().parent
            location = (root / "mlruns" / name).as_uri()
            # two processes that create the tables at once would leave them half-migrated
            stack.enter_context(FileLock(root / "mlflow.db.lock"))
        try:
            return _set_experiment(name, location)
        except (MlflowException, SQLAlchemyError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{uri.partition('?')[0]}: cannot be opened: {reason}") from error


def _set_experiment(name: str, location: str | None) -> str:
    if mlflow.get_experiment_by_name(name) is None:
        try:
            mlflow.create_experiment(name, location)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # on a server another may be quicker
                raise
    return str(mlflow.set_experiment(name).experiment_id)


@contextlib.contextmanager
def training_run(config: Config, splits: Mapping[str, Split]) -> Iterator[str]:
    """A new run, with everything that is known before training; yields its id."""
    open_store()
    with _run(run_name(config), log_system_metrics=None) as run_id:
        _describe(config)
        _log_inputs(config, splits)
        yield run_id


@contextlib.contextmanager
def evaluation_run(config: Config, model_file: Path, test: Split) -> Iterator[str]:
    """The newest run that trained the model in `model_file`, continued; yields its id.

    Where the store has none, because the model came from a cache that others share, a new run that
    says so.
    """
    open_store()
    model_md5 = files.md5(model_file)
    trained = _newest_run(f"tags.model_md5 = '{model_md5}'")
    with _run(run_name(config), trained.run_id if trained else None) as run_id:
        if not trained:
            _describe(config)
            mlflow.set_tags({"model_md5": model_md5, "model_from": "a cache; it was trained elsewhere"})
        _log_inputs(config, {"test": test})
        yield run_id


@contextlib.contextmanager
def _run(name: str, run_id: str | None = None, log_system_metrics: bool | None = False) -> Iterator[str]:
    """A run, new or continued, that ends as what it was: FINISHED, FAILED or KILLED."""
    os.environ.setdefault("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")  # what None goes by
    # seconds; the default of 10 misses short runs
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "1")
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


@contextlib.contextmanager
def sweep_run(words: str, resume: bool) -> Iterator[str]:
    """The parent of the runs that start while it lasts, in this process or in those it starts.

    `words` are those of the command line. With `resume` it is the newest parent of the same words,
    continued; UserError where there is none. Trials that are still RUNNING when it starts or ends
    were stopped, and become KILLED.
    """
    open_store()
    key = hashlib.md5(words.encode()).hexdigest()  # a filter has no way to quote a quote
    earlier = _newest_run(f"tags.sweep_key = '{key}'") if resume else None
    if resume and earlier is None:
        raise UserError(f"resume: no sweep of these words is in {store()}; start it without resume")
    with _run(f"sweep {words}", earlier.run_id if earlier else None) as run_id:
        if not earlier:
            mlflow.set_tags({"sweep_words": words, "sweep_key": key} | _origin())
        close_trials(run_id)
        os.environ[SWEEP] = run_id
        try:
            yield run_id
        finally:
            del os.environ[SWEEP]
            close_trials(run_id)


@contextlib.contextmanager
def search_run(study: str, lock: BaseFileLock) -> Iterator[str]:
    """The parent of all trials of a study, for each process that works on it; yields its id.

    `lock` is the study's, so that processes that start at once find one parent.
    """
    open_store()
    key = hashlib.md5(study.encode()).hexdigest()
    with contextlib.ExitStack() as stack:
        with lock:
            earlier = _newest_run(f"tags.study_key = '{key}'")
            run_id = stack.enter_context(_run(f"search {study}", earlier.run_id if earlier else None))
            if not earlier:
                mlflow.set_tags({"study": study, "study_key": key} | _origin())
        os.environ[SWEEP] = run_id
        stack.callback(os.environ.pop, SWEEP)
        yield run_id


def search_trials(search: str) -> list[Record]:
    """The finished trials of the search, the first one first; without those that were pruned, whose last
    scores are no match for the others'."""
    found = _children(search, "attributes.status = 'FINISHED'")
    trials = [record for record in found if "trial" in record.tags and "pruned" not in record.tags]
    return sorted(trials, key=lambda record: int(record.tags["trial"]))


def search_winner(search: str, trial: int) -> Record | None:
    """The run in which the winner was trained again and scored on the test set, if that trial was it."""
    found = _children(search, f"tags.winner = 'true' and tags.winner_of_trial = '{trial}'")
    return next((record for record in found if "test_accuracy" in record.metrics), None)


def crown(search: str, trial: int, model_file: Path) -> None:
    """Say of the newest run that trained the model in `model_file` that it is the winner, and no other."""
    client = mlflow.MlflowClient()
    for record in _children(search, "tags.winner = 'true'"):
        client.set_tag(record.run_id, "winner", "false")
    winner = _newest_run(f"tags.model_md5 = '{files.md5(model_file)}' and tags.sweep = '{search}'")
    assert winner is not None
    client.set_tag(winner.run_id, "winner_of_trial", str(trial))
    client.set_tag(winner.run_id, "winner", "true")


def _children(parent: str, filter_string: str) -> list[Record]:
    return search(f"tags.sweep = '{parent}' and {filter_string}")


def set_tags(tags: Mapping[str, object]) -> None:
    """Tags of the run that is open."""
    mlflow.set_tags(dict(tags))


def kill(run_id: str) -> None:
    """Say of a run that its process was killed."""
    with contextlib.suppress(MlflowException):  # it may be in another store
        mlflow.MlflowClient().set_terminated(run_id, "KILLED")


def finished_trials(sweep: str) -> list[dict[str, str]]:
    """The parameters of each trial of the sweep that was trained and scored."""
    done = search(f"tags.sweep = '{sweep}' and attributes.status = 'FINISHED' and metrics.test_accuracy >= 0")
    return [{k: v for k, v in r.parameters.items() if k != "parameters"} for r in done]


def describe_sweep(text: str, best: Group) -> None:
    """Give the active run a description in Markdown, and the scores of its best group under names that
    no trial has, so that nothing takes it for one."""
    mlflow.set_tag("mlflow.note.content", text)
    for metric in ("val_accuracy", "test_accuracy"):
        if score := best.score(metric):
            mlflow.log_metric(f"best_{metric}", score.mean)


def close_trials(sweep: str, alive: Collection[str] = ()) -> None:
    """Say of trials that are still RUNNING, but for those `alive`, that they were stopped."""
    for record in search(f"tags.sweep = '{sweep}' and attributes.status = 'RUNNING'"):
        if record.run_id not in alive:
            mlflow.MlflowClient().set_terminated(record.run_id, "KILLED")


def _describe(config: Config) -> None:
    mlflow.set_tags(_origin())
    mlflow.log_params(parameters(config))
    mlflow.log_dict(config.model_dump(), "config.yaml")


def run_name(config: Config) -> str:
    """The card in a line, so that runs are told apart at a glance. What differs most comes first,
    since MLflow's charts cut names off after some 20 letters."""
    return (
        f"{config.data.name} {config.model.name} s{config.seed} {config.epochs}ep "
        f"lr{config.learning_rate:g} b{config.batch_size} {config.recipe.name}"
    )


def parameters(config: Config) -> dict[str, Any]:
    """The keys of params.yaml as they stand; those of the model and recipe under dotted names."""
    card = config.model_dump()
    sections = {group: card[group] for group in PRESETS}
    named = {group: section.pop("name") for group, section in sections.items()}
    del sections["data"]  # addresses and checksums, which the data sets' digests stand for
    return {**card, **named} | {
        key: value for group, section in sections.items() for key, value in flat(section, f"{group}.")
    }


def _origin() -> dict[str, str]:
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
    earlier = _newest_run(f"tags.model_md5 = '{model_md5}' and metrics.test_accuracy >= 0")
    if earlier:
        scores = {k: v for k, v in earlier.metrics.items() if k.startswith("test_")}
        mlflow.log_metrics(scores)
        mlflow.set_tag("scored_in_run", earlier.run_id)
    mlflow.set_tag("model_md5", model_md5)


def _newest_run(filter_string: str) -> Record | None:
    return next(iter(search(filter_string, limit=1)), None)


def log_metrics(metrics: Mapping[str, float]) -> None:
    """Numbers that hold for the run as a whole."""
    mlflow.log_metrics(dict(metrics))


def log_files(folder: Path) -> None:
    """All files in `folder`, as they lie there."""
    mlflow.log_artifacts(str(folder))


def search(filter_string: str = "", limit: int = 50_000) -> list[Record]:
    """The runs that MLflow's search syntax selects, newest first. UserError where it is no such syntax."""
    open_store()
    try:
        found = mlflow.search_runs(
            filter_string=filter_string,
            order_by=["attributes.start_time DESC"],
            output_format="list",
            max_results=limit,
        )
    except MlflowException as error:
        raise UserError(f"filter: {' '.join(str(error).split())}") from error
    return [
        Record(
            run.info.run_id,
            run.info.run_name or "",
            run.info.status,
            run.data.params,
            run.data.metrics,
            run.data.tags,
        )
        for run in found
    ]


def history(run_id: str, metric: str) -> list[tuple[int, float]]:
    """The metric at every step."""
    return [(p.step, p.value) for p in mlflow.MlflowClient().get_metric_history(run_id, metric)]


def find_run(config: Config) -> Record | None:
    """The newest run of exactly this configuration that was scored on the test set."""
    same = [f"params.`{key}` = '{value}'" for key, value in parameters(config).items()]
    return _newest_run(" and ".join([*same, "metrics.test_accuracy >= 0"]))


def comparison(server: str, sweep: str = "") -> str:
    """Where the MLflow server at the URL `server` compares the runs, with a chart for each metric, those
    of the best ten by validation accuracy. With the id of a `sweep`, its trials and no other runs.

    By itself the server opens on a page for language models, which is empty here. In the order of their
    creation trials would be folded away under their parent, whatever the filter; in this one they stand
    beside all other runs, and the filter leaves out the parent, which has no model and no curves. A
    trial's page links to it.
    """
    view = {
        "workflowType": "machine_learning",
        "compareRunsMode": "CHART",
        "searchFilter": f"tags.sweep = '{sweep}'" if sweep else "params.model != ''",
        "orderByKey": "metrics.`val_accuracy`",
        "orderByAsc": "false",
    }
    return f"{server.rstrip('/')}/#/experiments/{open_store()}/runs?{urlencode(view, quote_via=quote)}"
