"""See that a pipeline can record before it begins: DVC removes the outputs of a stage before it runs it."""

from __future__ import annotations

import os

from digits.base.errors import UserError


def check_server(offline: bool) -> None:
    """See that the store that MLFLOW_TRACKING_URI names can be written to. It is not looked at if it is a
    SQLite file, or if a training is meant to begin `offline`.

    Raises UserError if it cannot.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if offline or not given or given.startswith("sqlite:"):
        return
    from digits.tracking import store  # imports MLflow, which takes longer than all else that this stage does

    try:
        store.check_writable(store.use())
    except store.StoreAwayError as error:
        raise UserError(
            f"{error}; with DIGITS_OFFLINE=true `dvc repro` runs all the same, and records it later"
        ) from error
