"""Where the MLflow store is, and the name of the experiment in it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlencode, urlsplit

from sqlalchemy.engine import make_url

from digits.base.errors import UserError
from digits.base.paths import NAME, main_root

WAIT_FOR_OTHERS = {"timeout": "60"}  # seconds that a process waits for others that write to a SQLite file


def tracking_uri() -> str:
    """Return the address of the store: MLFLOW_TRACKING_URI, or mlflow.db in the project's root.

    The path of a SQLite file is escaped, and absolute, since an experiment that DVC runs in a temporary copy
    of the project must not record there. A user and password in the address of a server are handed to MLflow
    in its environment variables instead, so that no message and no record can contain them.

    Raises UserError if the address is that of a store in memory.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if not given:
        return sqlite_uri(main_root() / "mlflow.db", WAIT_FOR_OTHERS)
    if given.startswith("sqlite:"):
        url = make_url(given)
        query = {key: str(value) for key, value in url.query.items()}
        if url.database in (None, "", ":memory:"):
            raise UserError("MLFLOW_TRACKING_URI: a store in memory ends with the command; name a file")
        return sqlite_uri(main_root() / str(url.database), WAIT_FOR_OTHERS | query)
    if given.startswith(("http:", "https:")):
        return _without_credentials(given)
    return given


def experiment_name() -> str:
    """Return the name of the experiment that runs are recorded in: MLFLOW_EXPERIMENT_NAME, or the
    project's own."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", NAME)


def sqlite_uri(file: Path, query: Mapping[str, str]) -> str:
    """Return the address of a SQLite file for SQLAlchemy, whatever its name is."""
    path = str(file).replace("%", "%25").replace("?", "%3F")  # all that SQLAlchemy decodes and needs escaped
    return f"sqlite:///{path}?{urlencode(query)}".removesuffix("?")


def _without_credentials(address: str) -> str:
    parts = urlsplit(address)
    credentials, _, host = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    for name, value in (("USERNAME", user), ("PASSWORD", password)):
        if value:
            os.environ[f"MLFLOW_TRACKING_{name}"] = unquote(value)
    return parts._replace(netloc=host).geturl()


def database_file(uri: str) -> Path | None:
    """Return the file of a SQLite store, or None for another one."""
    if not uri.startswith("sqlite:"):
        return None
    return Path(str(make_url(uri).database))


@contextlib.contextmanager
def no_stray_folder(uri: str) -> Iterator[None]:
    """Remove the empty folder that MLflow makes during the block if the path of a SQLite file is escaped: it
    does not decode the path before it looks for the folder."""
    literal = Path(uri.removeprefix("sqlite:///").partition("?")[0]).parent
    stray = uri.startswith("sqlite:") and "%" in uri and not literal.exists()
    try:
        yield
    finally:
        if stray:
            with contextlib.suppress(OSError):
                os.removedirs(literal)  # and those above it that are empty


def store_name() -> str:
    """Return a name of the store that stays the same if the project is moved with it."""
    uri = tracking_uri()
    file = database_file(uri)
    if file is None:
        return shown(uri)
    return str(file.relative_to(main_root()) if file.is_relative_to(main_root()) else file)


def shown(uri: str) -> str:
    """Return an address for people to read: the file of a SQLite store, or a URL without a password."""
    if file := database_file(uri):
        return str(file)
    return uri if uri.startswith("http") else make_url(uri).render_as_string(hide_password=True)
