"""Optuna's storage: a study store, and the heartbeat with which running trials show that they are alive."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import optuna
from optuna.exceptions import OptunaError
from sqlalchemy.exc import SQLAlchemyError

from digits.base.interrupts import raise_if_interrupted
from digits.search.postgres import StudyStoreError, failure
from digits.search.study_store import StudyStore

OnStale = Callable[[optuna.Study, optuna.trial.FrozenTrial], None]


class _Storage(optuna.storages.RDBStorage):
    def record_heartbeat(self, trial_id: int) -> None:
        # Optuna's thread would end with the first one that fails. There is another one in a moment.
        with contextlib.suppress(StudyStoreError):
            super().record_heartbeat(trial_id)


def open_storage(
    store: StudyStore, heartbeat: int, grace: int, on_stale: OnStale
) -> optuna.storages.RDBStorage:
    """Open the storage, with its tables created if they are missing. `on_stale` is called for each trial
    without a heartbeat for `grace` seconds.

    Raises UserError if the tables cannot be created, or are those of another version of Optuna.
    """
    try:
        storage = _Storage(
            store.url,
            store.engine_options,
            heartbeat_interval=heartbeat,
            grace_period=grace,
            heartbeat_stale_trial_callback=on_stale,
        )
    except (OptunaError, SQLAlchemyError, RuntimeError) as error:
        cause = error.__cause__ if isinstance(error, OptunaError) else error
        raise failure(store, cause or error) from error
    store.report_errors(storage.engine)
    return storage


def run_one(study: optuna.Study, objective: Callable[[optuna.Trial], float]) -> bool:
    """Run one trial, and return whether it is recorded. If not, another process took this one for killed.

    Raises UserError if the store is away. What `objective` raises makes the trial a failed one.
    """
    try:
        study.optimize(objective, n_trials=1, catch=(Exception,))
    except Exception as error:
        # Optuna could not record how the trial has ended, and has failed once more while it dealt with that
        raise_if_interrupted()
        cause: BaseException | None = error
        while cause:
            if isinstance(cause, StudyStoreError):
                raise cause from None
            if "Cannot tell a" in str(cause):
                return False
            cause = cause.__cause__ or cause.__context__
        raise
    return True
