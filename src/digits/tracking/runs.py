"""Record training and evaluation as MLflow runs.

One run records one trained model, from its configuration to its test scores. Training opens the run, and
evaluation adds the scores. It is found by the md5 of the model file and the digest of the data, so that
either can happen in any process.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import yaml

from digits.base import files
from digits.base.errors import without_credentials
from digits.base.interrupts import interrupts_held
from digits.config.request import Request
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.tracking import description, store
from digits.tracking.described import data_tags, describe_splits, recorded_parameters
from digits.tracking.opening import open_store, waits_for_this_store
from digits.tracking.origin import origin, uncommitted
from digits.tracking.recording import Recording
from digits.tracking.records import Record
from digits.tracking.store import StoreAwayError
from digits.tracking.system_metrics import system_metrics_of

LONGEST_NAME = 250  # of a run, in every database that MLflow supports
LONGEST_TAG = 5000


@contextlib.contextmanager
def training_run(
    request: Request[Config], splits: Splits, tags: Mapping[str, str], interrupted: str | None = None
) -> Iterator[Recording]:
    """Start a run, or continue the one with the key `interrupted`. Record everything that is known before
    training, and yield the recording.

    `tags` say what the training is computed with. The run ends FINISHED, FAILED or KILLED. Raises UserError
    if the store is away, unless the option offline is set; a trial starts all the same.
    """
    parent = request.options.parent_run
    may_be_away = request.options.offline or parent is not None
    with run(run_name(request), interrupted, parent, may_be_away=may_be_away) as recording:
        parameters = recorded_parameters(request.config, splits.digest)
        recording.describe(
            description.of_training(request.config, splits, parameters),
            {**origin(), "workers": request.resources.workers, **data_tags(splits), **tags},
        )
        recording.log_params(parameters)
        texts = {
            "config.yaml": yaml.safe_dump(request.config.model_dump(mode="json")),
            "uncommitted.patch": uncommitted(),
        }
        recording.log_texts({name: text for name, text in texts.items() if text})
        recording.log_inputs(describe_splits(request.config, splits))
        with system_metrics_of(recording):
            yield recording


@contextlib.contextmanager
def run(
    name: str,
    key: str | None = None,
    parent: str | None = None,
    tags: Mapping[str, str] = MappingProxyType({}),
    may_be_away: bool = False,
    shared: bool = False,
) -> Iterator[Recording]:
    """Start a run with this name, `parent` and tags, or continue the one with this `key`, which keeps its
    own. It ends FINISHED, FAILED or KILLED. A `shared` run is one that several processes record in.

    Raises UserError if the store is away, unless it `may_be_away`.
    """
    opened = open_if_there(may_be_away)
    with interrupts_held():
        recording = Recording(key)
        recording.start_run(name, parent, tags, shared)
        opened = opened and recording.deliver(may_fail=may_be_away)
        recording.send(opened)
    try:
        yield recording
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        reason = without_credentials(f"{type(error).__name__}: {error}")[:LONGEST_TAG]
        with interrupts_held():
            recording.end_run(status, reason)
            recording.finish(hurry=True)
        raise
    recording.end_run("FINISHED")
    recording.finish()


def open_if_there(may_be_away: bool) -> bool:
    """Open the store and return whether that was possible. Raises UserError if not, unless it may be away."""
    try:
        open_store()
    except StoreAwayError as error:
        if not may_be_away:
            raise
        print(f"{error}; what is recorded waits until it is back", file=sys.stderr)
        return False
    return True


def check_store(request: Request[Config]) -> bool:
    """Open the store before an evaluation, and return whether that was possible.

    Raises UserError if it is away, or does not let this user write, unless the option offline is set, or
    something waits for it, such as the run of the model.
    """
    may_be_away = request.options.offline or waits_for_this_store()
    if may_be_away:
        return open_if_there(may_be_away)
    store.check_writable(open_store().experiment)
    return True


def record_scores(
    request: Request[Config], splits: Splits, scores: Mapping[str, float], reports: Path, opened: bool = True
) -> None:
    """Add the `scores` of `request.model_file` on the test images, and the files in `reports`, to the newest
    run that trained it on these data (see digits.tracking.scores).

    If there is no such run, the scores have a run of their own. Within DVC its parameters are those of the
    request: DVC makes sure that they describe the model, which came from a cache. Otherwise only those of the
    data are known to be true.
    """
    of_dvc, file = "DVC_STAGE" in os.environ, request.model_file
    params = recorded_parameters(request.config, splits.digest)
    if not of_dvc:
        params = {key: value for key, value in params.items() if key.partition(".")[0] == "data"}
    values = {
        "model_md5": files.md5(file),
        "digest": splits.digest,
        "scores": dict(scores),
        "inputs": describe_splits(request.config, splits),
        "name": run_name(request) if of_dvc else f"test of {file.name} on {request.config.data.name}",
        "tags": data_tags(splits) | (origin() if of_dvc else {}),
        "params": params,
    }
    with interrupts_held():
        recording = Recording()
        recording.log_scores(values, request.options.parent_run, reports)
        recording.send(opened)
    recording.finish()


def run_name(request: Request[Config]) -> str:
    """Return the name that the request gives the run, or what the experiment is in one line, beginning with
    what is not default."""
    config = request.config
    described = (
        f"{request.composed.label} {config.model.name} seed={config.seed} {config.data.name} "
        f"{config.recipe.name} {config.epochs}ep lr{config.learning_rate:g} b{config.batch_size} "
        f"{config.optimizer}"
    )
    return (request.options.run_name or described).strip()[:LONGEST_NAME]


def find_run(config: Config, digest: str | None) -> Record | None:
    """Return the newest run of exactly this configuration that was scored on the test set, of the data with
    this digest unless it is None."""
    wanted = config.recorded_parameters() if digest is None else recorded_parameters(config, digest)
    same = [f"params.`{key}` = '{value}'" for key, value in wanted.items()]
    return store.newest(" and ".join([*same, "metrics.test_accuracy >= 0"]))
