"""Parents of runs: a sweep or a search, and the trials that are its children."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from filelock import BaseFileLock
from mlflow.exceptions import MlflowException

from digits import files, store, tracking
from digits.errors import UserError
from digits.store import Record
from digits.tracking import SWEEP

if TYPE_CHECKING:
    from digits.comparison import Group


@contextlib.contextmanager
def sweep_run(words: str, resume: bool) -> Iterator[str]:
    """The parent of the runs that start while it lasts, in this process or in those it starts.

    `words` are those of the command line. With `resume` it is the newest parent of the same words,
    continued; UserError where there is none. Trials that are still RUNNING when it starts or ends
    were stopped, and become KILLED.
    """
    store.use()
    key = hashlib.md5(words.encode()).hexdigest()  # a filter has no way to quote a quote
    earlier = store.newest(f"tags.sweep_key = '{key}'") if resume else None
    if resume and earlier is None:
        raise UserError(f"resume: no sweep of these words is in {store.uri()}; start it without resume")
    with tracking.run(f"sweep {words}", earlier.run_id if earlier else None) as run_id:
        if not earlier:
            mlflow.set_tags({"sweep_words": words, "sweep_key": key} | tracking.origin())
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
    store.use()
    key = hashlib.md5(study.encode()).hexdigest()
    with contextlib.ExitStack() as stack:
        with lock:
            earlier = store.newest(f"tags.study_key = '{key}'")
            run_id = stack.enter_context(tracking.run(f"search {study}", earlier.run_id if earlier else None))
            if not earlier:
                mlflow.set_tags({"study": study, "study_key": key} | tracking.origin())
        os.environ[SWEEP] = run_id
        stack.callback(os.environ.pop, SWEEP)
        yield run_id


def trials(parent: str, filter_string: str) -> list[Record]:
    """The children that MLflow's search syntax selects, newest first."""
    return store.search(f"tags.sweep = '{parent}' and {filter_string}")


def search_trials(search: str) -> list[Record]:
    """The finished trials of the search, the first one first; without those that were pruned, whose last
    scores are no match for the others'."""
    found = trials(search, "attributes.status = 'FINISHED'")
    unpruned = [record for record in found if "trial" in record.tags and "pruned" not in record.tags]
    return sorted(unpruned, key=lambda record: int(record.tags["trial"]))


def search_winner(search: str, trial: int) -> Record | None:
    """The run in which the winner was trained again and scored on the test set, if that trial was it."""
    found = trials(search, f"tags.winner = 'true' and tags.winner_of_trial = '{trial}'")
    return next((record for record in found if "test_accuracy" in record.metrics), None)


def crown(search: str, trial: int, model_file: Path) -> None:
    """Say of the newest run that trained the model in `model_file` that it is the winner, and no other."""
    client = mlflow.MlflowClient()
    for record in trials(search, "tags.winner = 'true'"):
        client.set_tag(record.run_id, "winner", "false")
    winner, *_ = trials(search, f"tags.model_md5 = '{files.md5(model_file)}'")
    client.set_tag(winner.run_id, "winner_of_trial", str(trial))
    client.set_tag(winner.run_id, "winner", "true")


def kill(run_id: str) -> None:
    """Say of a run that its process was killed."""
    with contextlib.suppress(MlflowException):  # it may be in another store
        mlflow.MlflowClient().set_terminated(run_id, "KILLED")


def finished_trials(sweep: str) -> list[dict[str, str]]:
    """The parameters of each trial of the sweep that was trained and scored."""
    done = trials(sweep, "attributes.status = 'FINISHED' and metrics.test_accuracy >= 0")
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
    for record in trials(sweep, "attributes.status = 'RUNNING'"):
        if record.run_id not in alive:
            mlflow.MlflowClient().set_terminated(record.run_id, "KILLED")
