"""What an error of the store means, and what is said of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import read_mlflow_creds
from sqlalchemy.exc import SQLAlchemyError

from digits.base.errors import UserError, message_of, without_credentials
from digits.tracking.address import experiment_name, shown, tracking_uri

LONGEST_REASON = 300  # letters
SHORTER = (  # what is looked for in an error, and what is said instead
    (r"\(\w+\.\w*Error\) (.*?)(?: \[SQL| \(Background|$)", "{}"),
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


@contextlib.contextmanager
def unless_denied() -> Iterator[None]:
    """Leave undone what the block does if a server does not permit it to this user. Another one can do it."""
    try:
        yield
    except MlflowException as error:
        if error.error_code != "PERMISSION_DENIED":
            raise


def not_opened(uri: str, error: Exception) -> str:
    """Return the words for a store that cannot be opened."""
    reason, address = reason_of(error), shown(uri)
    if isinstance(error, UnicodeError) or "malformed" in reason or "not a database" in reason:
        return f"{address}: is damaged; put back a copy, or move it away to start a new store ({reason})"
    if not uri.startswith("http"):
        return f"{address}: cannot be opened: {reason}"
    code, server = getattr(error, "error_code", ""), f"MLFLOW_TRACKING_URI: {address}"
    if code == "PERMISSION_DENIED" and "Invalid Host header" in message_of(error):
        return f"{server} does not accept this name for itself; start it with --allowed-hosts"
    if code == "PERMISSION_DENIED" and (user := read_mlflow_creds().username):
        return f"{server} does not let the user {user} {_denied(message_of(error))}"
    if code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return (
            f"{server} lets nobody in without the right credentials; set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    return (
        f"{server} does not answer as an MLflow server does ({reason}); start that "
        "server, or unset the variable to record in mlflow.db"
    )


def _denied(text: str) -> str:
    """Return what this user may not do, and who can permit it. `text` is the message of MLflow's client, with
    the request that was denied."""
    request = re.search(r"/mlflow/([-\w/]+)", text)
    name = request[1] if request else ""
    registry = name.startswith(("registered-models", "model-versions"))
    what = f"the {'registered models' if registry else 'experiment'} {experiment_name()}"
    if re.search(r"/(get|search|list)", name):
        verb, permission = "read", "READ"
    else:
        verb, permission = "write to", "MANAGE" if registry else "EDIT"
    return (
        f"{verb} {what} ({name or 'permission denied'}); ask an admin of the server for the permission "
        f"{permission}, or set MLFLOW_EXPERIMENT_NAME to an experiment of your own"
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
