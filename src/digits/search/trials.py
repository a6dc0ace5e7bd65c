"""Record a sweep or a search as an MLflow run, with its trials as children."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import mlflow
from mlflow.exceptions import MlflowException

from digits.base import files
from digits.base.errors import UserError
from digits.reports.ranking import Group, group_label, varying
from digits.search.locks import Lock
from digits.tracking import runs, store
from digits.tracking.address import shown, tracking_uri
from digits.tracking.description import to_repeat
from digits.tracking.origin import origin
from digits.tracking.recording import Recording
from digits.tracking.records import RECORDING, Record
from digits.tracking.store import StoreAwayError


@contextlib.contextmanager
def sweep_run(
    overrides: str, resume: bool, name: str = "", parameters: Mapping[str, object] = MappingProxyType({})
) -> Iterator[Recording]:
    """Start the parent of a sweep, which is named after its overrides or has a `name`, with these
    `parameters`. With `resume`, continue the newest parent of the same overrides.

    Trials that are RUNNING when it starts or ends were stopped, and are marked as KILLED.

    Raises UserError if there is no sweep to resume.
    """
    key = hashlib.md5(overrides.encode()).hexdigest()  # a filter has no way to quote a quote
    earlier = store.newest(f"tags.sweep_key = '{key}'") if resume else None
    if resume and earlier is None:
        raise UserError(
            f"resume: no sweep of these overrides is in {shown(tracking_uri())}; start it without resume"
        )
    tags = {"sweep_overrides": overrides, "sweep_key": key} | origin()
    with runs.run(f"sweep {name or overrides}", earlier.key if earlier else None, tags=tags) as parent:
        if not earlier:
            parent.log_params(parameters)
        mark_stopped_trials(parent.run_id)
        try:
            yield parent
        finally:
            with contextlib.suppress(StoreAwayError):  # whatever ends the sweep is more important
                mark_stopped_trials(parent.run_id)


@contextlib.contextmanager
def search_run(
    study: str,
    identity: str,
    lock: Lock,
    begun: bool = False,
    parameters: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[Recording]:
    """Start or continue the parent of all trials of a study, for each process that works on it. A new one has
    these `parameters`.

    It is found by the study's `identity`: somebody else's study can have the same name on the same server.
    `lock` is the study's, so that processes that start at once find one parent.

    Raises UserError if the study was `begun` by processes that record in another store.
    """
    tags = {"study": study, "study_key": identity} | origin()
    with contextlib.ExitStack() as stack:
        with lock:
            earlier = store.newest(f"tags.study_key = '{identity}'")
            if begun and earlier is None:
                where = shown(tracking_uri())
                raise UserError(
                    f"MLFLOW_TRACKING_URI: {where} does not have the trials of the study {study}; "
                    "name the store that does, or another study"
                )
            name, continued = f"search {study}", earlier.key if earlier else None
            run = runs.run(name, continued, tags=tags, shared=True)
            parent = stack.enter_context(run)
            if not earlier:
                parent.log_params(parameters)
        yield parent


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


def mark_killed(key: str) -> None:
    """Mark the run with this key as KILLED, if it is in this store and that is there."""
    with contextlib.suppress(StoreAwayError, MlflowException):
        for record in store.search(f"tags.{RECORDING} = '{key}'"):
            mlflow.MlflowClient().set_terminated(record.run_id, "KILLED")


def mark_stopped_trials(parent: str, alive: Collection[str] = ()) -> list[dict[str, str]]:
    """Mark trials that are still RUNNING as KILLED, except those with the keys `alive`, and return their
    parameters."""
    running = trials(parent, "attributes.status = 'RUNNING'")
    stopped = [record for record in running if record.key not in alive]
    for record in stopped:
        mlflow.MlflowClient().set_terminated(record.run_id, "KILLED")
    return [_known_before(record) for record in stopped]


def common_parameters(recorded: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the parameters in which all trials agree, as the parent has them."""
    first, *others = recorded
    agreed = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    return of_parent(agreed)


def of_parent(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return parameters under names that no trial has, so that a filter for runs does not find the parent."""
    return {f"shared.{key}": value for key, value in parameters.items()}


def describe(parent: Recording, groups: Sequence[Group], best: Group, command: str) -> None:
    """Give the parent a description, and the scores of its best group under names that no trial has, so that
    it is not taken for one. `command` repeats the best run of the ranked `groups`."""
    runs_of_all = sum(len(group.records) for group in groups)
    scores = {metric: score for metric in ("val_accuracy", "test_accuracy") if (score := best.score(metric))}
    result = ", ".join(f"{metric} {score.text(metric)}" for metric, score in scores.items())
    what = f"`{group_label(best, varying(groups))}` " if len(groups) > 1 else ""
    parent.describe(
        f"Best of {len(groups)} configurations in {runs_of_all} runs: {what}with {result} "
        f"({len(best.records)} run{'s' if len(best.records) > 1 else ''}). "
        f"The whole ranking is in the artifacts: ranking.md, ranking.csv, ranking.png. {to_repeat(command)}"
    )
    parent.log_metrics({f"best_{metric}": score.mean for metric, score in scores.items()})
