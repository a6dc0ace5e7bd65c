"""What an error of the store means, and what is said of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from digits.base.errors import UserError, message_of, without_credentials
from digits.tracking.address import shown, tracking_uri

LONGEST_REASON = 300  # letters
SHORTER = (  # what is looked for in an error, and what is said instead
    (r"\(\w+\.\w*Error\) (.*?)(?: \[SQL|$)", "{}"),
    (r"Failed to establish a new connection: \[Errno -?\d+\] (.*?)[\"')]", "{}"),
    (r"Connection aborted|Connection broken", "the connection broke off"),
    (r"NameResolutionError", "no such host"),
    (r"timed out|failed with timeout", "no answer in time"),
    (r"not in a valid JSON format", "the answer is not one of MLflow"),
    (r"failed with error code (\d+) != 200", "HTTP status {}"),
    (r"failed with exception .*too many (\d+) error responses", "HTTP status {}"),
)
REFUSED = (  # what MLflow answers if the same request will never do
    *("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"),
    *("BAD_REQUEST", "RESOURCE_LIMIT_EXCEEDED"),
)


def is_final(error: Exception) -> bool:
    """Return whether the store will never take what it did not take now. If it is away, full or broken, or
    lets nobody in, it may later."""
    bug = isinstance(error, AttributeError | LookupError | TypeError)
    return bug or getattr(error, "error_code", "") in REFUSED


def not_opened(uri: str, error: Exception) -> str:
    """Return the words for a store that cannot be opened."""
    reason, address = reason_of(error), shown(uri)
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


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Raise a UserError for what MLflow raises in the block if its store does not do what it is asked. Also a
    decorator."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise UserError(not_opened(tracking_uri(), error)) from error


def reason_of(error: Exception) -> str:
    """Return what an error says, in one line: of a database and of the network just what happened, without
    the statement or the request."""
    text = without_credentials(message_of(error))
    for pattern, words in SHORTER:
        if found := re.search(pattern, text):
            return words.format(*found.groups())
    return text[:LONGEST_REASON]
