"""Record a sweep or a search as an MLflow run, with its trials as children."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

import mlflow
from filelock import BaseFileLock
from mlflow.exceptions import MlflowException

from digits.base import files
from digits.base.errors import UserError
from digits.reports.ranking import Group
from digits.tracking import runs, store, writer
from digits.tracking.address import shown, tracking_uri
from digits.tracking.origin import origin
from digits.tracking.store import Record


@contextlib.contextmanager
def sweep_run(overrides: str, resume: bool) -> Iterator[str]:
    """Start the parent of a sweep and yield its id. With `resume`, continue the newest parent of the same
    overrides.

    Trials that are RUNNING when it starts or ends were stopped, and are marked as KILLED.

    Raises UserError if there is no sweep to resume.
    """
    store.use()
    key = hashlib.md5(overrides.encode()).hexdigest()  # a filter has no way to quote a quote
    earlier = store.newest(f"tags.sweep_key = '{key}'") if resume else None
    if resume and earlier is None:
        raise UserError(
            f"resume: no sweep of these overrides is in {shown(tracking_uri())}; start it without resume"
        )
    with runs.run(f"sweep {overrides}", earlier.run_id if earlier else None) as run_id:
        if not earlier:
            writer.set_tags(run_id, {"sweep_overrides": overrides, "sweep_key": key} | origin())
        mark_stopped_trials(run_id)
        try:
            yield run_id
        finally:
            mark_stopped_trials(run_id)


@contextlib.contextmanager
def search_run(study: str, lock: BaseFileLock) -> Iterator[str]:
    """Start or continue the parent of all trials of a study, for each process that works on it, and yield its
    id.

    `lock` is the study's, so that processes that start at once find one parent.
    """
    store.use()
    key = hashlib.md5(study.encode()).hexdigest()
    with contextlib.ExitStack() as stack:
        with lock:
            earlier = store.newest(f"tags.study_key = '{key}'")
            run_id = stack.enter_context(runs.run(f"search {study}", earlier.run_id if earlier else None))
            if not earlier:
                writer.set_tags(run_id, {"study": study, "study_key": key} | origin())
        yield run_id


def trials(parent: str, filter_string: str) -> list[Record]:
    """Return the children of `parent` that MLflow's search syntax selects, newest first."""
    return store.search(f"tags.sweep = '{parent}' and {filter_string}")


def finished_trials(sweep: str) -> list[dict[str, str]]:
    """Return the parameters of each trial of the sweep that was trained and scored."""
    done = trials(sweep, "attributes.status = 'FINISHED' and metrics.test_accuracy >= 0")
    return [_known_before(record) for record in done]


def _known_before(record: Record) -> dict[str, str]:
    """Return the parameters that are recorded when a training starts."""
    return {key: value for key, value in record.parameters.items() if key != "parameters"}


def completed_trials(search: str) -> list[Record]:
    """Return the finished trials of the search in their order, without those that were pruned, whose last
    scores are not comparable with the others'."""
    found = trials(search, "attributes.status = 'FINISHED'")
    completed = [record for record in found if "trial" in record.tags and "pruned" not in record.tags]
    return sorted(completed, key=lambda record: int(record.tags["trial"]))


def winner_run(search: str, trial: int) -> Record | None:
    """Return the run in which the winner of the search was trained again and scored on the test set, if the
    winner was this trial."""
    found = trials(search, f"tags.winner = 'true' and tags.winner_of_trial = '{trial}'")
    return next((record for record in found if "test_accuracy" in record.metrics), None)


def mark_winner(search: str, trial: int, model_file: Path) -> None:
    """Mark the newest run that trained the model in `model_file` as the winner, and no other."""
    client = mlflow.MlflowClient()
    for record in trials(search, "tags.winner = 'true'"):
        client.set_tag(record.run_id, "winner", "false")
    winner, *_ = trials(search, f"tags.model_md5 = '{files.md5(model_file)}'")
    client.set_tag(winner.run_id, "winner_of_trial", str(trial))
    client.set_tag(winner.run_id, "winner", "true")


def mark_killed(run_id: str) -> None:
    """Mark a run as KILLED, if it is in this store."""
    with contextlib.suppress(MlflowException):
        mlflow.MlflowClient().set_terminated(run_id, "KILLED")


def mark_stopped_trials(parent: str, alive: Collection[str] = ()) -> list[dict[str, str]]:
    """Mark trials that are still RUNNING as KILLED, except `alive`, and return their parameters."""
    running = trials(parent, "attributes.status = 'RUNNING'")
    stopped = [record for record in running if record.run_id not in alive]
    for record in stopped:
        mark_killed(record.run_id)
    return [_known_before(record) for record in stopped]


def describe(parent: str, text: str, best: Group) -> None:
    """Give the parent a description in Markdown, and the scores of its best group under names that no
    trial has, so that it is not taken for one."""
    writer.set_tags(parent, {"mlflow.note.content": text})
    for metric in ("val_accuracy", "test_accuracy"):
        if score := best.score(metric):
            writer.log_metrics(parent, {f"best_{metric}": score.mean})
