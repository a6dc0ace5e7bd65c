"""The Optuna study of a search, which several processes can share."""

from __future__ import annotations

import functools
import hashlib
import time
import uuid
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from matplotlib import pyplot, rc_context
from optuna.visualization import matplotlib

from digits.base import files
from digits.base.errors import UserError
from digits.base.processes import is_gone, this_process
from digits.search.locks import Lock
from digits.search.samplers import pruner, sampler
from digits.search.search import Search
from digits.search.storage import open_storage, run_one

HEARTBEAT = 5  # seconds between two signs of life of a running trial
GRACE = 30  # seconds without one after which its process counts as killed
RETRIES = 3  # of a trial whose process is killed
FAILURES_IN_A_ROW = 3  # after which a process stops, since the fourth trial would fail too
IDENTITY = "identity"  # a user attribute
POLL = 1  # seconds between two looks at trials that run in other processes

Objective = Callable[[optuna.Trial], float]
OnStale = Callable[[Mapping[str, Any]], None]  # called with the user attributes of a trial


def open_study(search: Search, on_stale: OnStale) -> optuna.Study:
    """Create or continue the study of the search.

    `on_stale` is called with the user attributes of each trial whose process was killed, once that shows. The
    point that it tried is tried again.

    Raises UserError if the study of this name searches another space or another experiment, or its store
    cannot be used.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # of the heartbeat and of the figures; for the whole process, since a block of it is not safe with threads
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    # processes that create the tables at once would be in each other's way
    with search.store.lock("tables"):
        storage = open_storage(search.store, HEARTBEAT, GRACE, functools.partial(_try_again, on_stale))
        study = optuna.create_study(
            storage=storage,
            study_name=search.study,
            direction="maximize",
            pruner=pruner(search.settings),
            load_if_exists=True,
        )
        if study.user_attrs.get("digest", search.digest) != search.digest:
            raise UserError(
                f"study: {search.study} searches another space or another experiment; give it another name"
            )
        study.set_user_attr("digest", search.digest)
        if IDENTITY not in study.user_attrs:
            study.set_user_attr(IDENTITY, _new_identity(study))
    return study


def _new_identity(study: optuna.Study) -> str:
    """Return what identifies the study among those of the same name in other files. One that an older version
    began goes on in the run that it has, which is found by the name."""
    return hashlib.md5(study.study_name.encode()).hexdigest() if study.trials else uuid.uuid4().hex


def _try_again(on_stale: OnStale, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
    on_stale(trial.user_attrs)
    optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)(study, trial)


def _fail_killed_trials(study: optuna.Study, on_stale: OnStale) -> None:
    """Fail the trials whose process was killed, which shows at once on this machine, else after GRACE. Called
    with the study's lock held."""
    for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        # whoever asks for a trial sets it before the lock is released
        process = trial.user_attrs.get("process")
        if process is None or is_gone(process):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            _try_again(on_stale, study, trial)
    optuna.storages.fail_stale_trials(study)


def first_try(trial: optuna.Trial) -> int:
    """Return the number of the trial, or if it tries the point of a killed one again, of the first that
    did."""
    known = trial.study.get_trials(deepcopy=False)[trial.number]
    first = optuna.storages.RetryHeartbeatStaleTrialCallback.retried_trial_number(known)
    return trial.number if first is None else first


def optimize(
    study: optuna.Study, search: Search, lock: Lock, objective: Objective, on_stale: OnStale
) -> None:
    """Run trials until as many are completed or pruned as the search asks for, counting those of all
    processes that share the study and its `lock`. Then wait for trials that run in other processes.

    `objective` is called with the lock held, and releases it once it has asked for all its values. A trial
    that fails does not count and stops nothing. `on_stale` is that of `open_study`.

    Raises UserError after FAILURES_IN_A_ROW.
    """
    failures: list[tuple[int, Exception]] = []

    def run_trial(trial: optuna.Trial) -> float:
        trial.set_user_attr("process", this_process())
        try:
            value = objective(trial)
        except optuna.TrialPruned:
            failures.clear()
            raise
        except Exception as error:
            failures.append((trial.number, error))
            raise
        failures.clear()
        return value

    while True:
        lock.acquire()
        try:
            _fail_killed_trials(study, on_stale)
            trials = study.get_trials(deepcopy=False)
            done = sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in trials)
            running = sum(trial.state.name == "RUNNING" for trial in trials)
            if done >= search.settings.trials:
                return
            if done + running < search.settings.trials:
                # counted and asked for under one lock, so that there is none too many
                study.sampler = sampler(search.settings, len(trials))
                before = len(failures)
                if not run_one(study, run_trial):
                    print("another process took this one for killed, and tries its trial again")
                elif len(failures) > before:
                    number, error = failures[-1]
                    print(f"trial {number} failed: {type(error).__name__}: {error}")
        finally:
            lock.release()
        if len(failures) >= FAILURES_IN_A_ROW:
            _, last = failures[-1]
            raise UserError(
                f"{len(failures)} trials in a row failed, the last with {type(last).__name__}: {last}"
            )
        if done + running >= search.settings.trials:
            time.sleep(POLL)


def best_trial(study: optuna.Study) -> optuna.trial.FrozenTrial | None:
    """Return the completed trial with the highest validation accuracy, the earliest of equals."""
    completed = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    return min(completed, key=lambda trial: (-(trial.value or 0), trial.number), default=None)


def draw_study(study: optuna.Study, folder: Path) -> None:
    """Write Optuna's own figures: the history of the search and, if it can be told, which keys mattered."""
    plots: dict[str, Callable[..., Any]] = {"optimization_history.png": matplotlib.plot_optimization_history}
    if len({trial.value for trial in study.trials if trial.state.name == "COMPLETE"}) > 1:
        plots["param_importances.png"] = matplotlib.plot_param_importances
    with rc_context():  # Optuna chooses a style for all figures of the process
        for name, plot in plots.items():
            figure = plot(study, target_name="validation accuracy").get_figure()
            figure.savefig(files.with_parents(folder / name), dpi=110, bbox_inches="tight")
            pyplot.close(figure)
