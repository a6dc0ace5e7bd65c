"""What is said of a store that cannot be used."""

from __future__ import annotations

import re

from digits.tracking.address import shown, tracking_uri

LONGEST_REASON = 300  # letters


def not_opened(uri: str, error: Exception) -> str:
    """Return the words for a store that cannot be opened."""
    reason, address = _reason(error), shown(uri)
    if isinstance(error, UnicodeError) or "malformed" in reason or "not a database" in reason:
        return f"{address}: is damaged; put back a copy, or move it away to start a new store ({reason})"
    if not uri.startswith("http"):
        return f"{address}: cannot be opened: {reason}"
    if getattr(error, "error_code", "") in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return (
            f"MLFLOW_TRACKING_URI: {address} lets nobody in without the right credentials; set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    return (
        f"MLFLOW_TRACKING_URI: {address} does not answer as an MLflow server does ({reason}); start that "
        "server, or unset the variable to record in mlflow.db"
    )


def _reason(error: Exception) -> str:
    """Return what an error says, in one line: of a database just that, without the statement."""
    text = " ".join(str(error).split())
    of_database = re.search(r"\(\w+\.\w*Error\) (.*?)(?= \[SQL|$)", text)
    return (of_database[1] if of_database else text)[:LONGEST_REASON]


def failed(error: Exception) -> str:
    """Return the words for a store that was there, and is not any more."""
    return (
        f"{shown(tracking_uri())}: cannot be written to ({_reason(error)}); what was trained is kept, and "
        "the same command goes on with it"
    )
