"""The database that studies are in: the key study_store of conf/tune.yaml."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError

from digits.base import paths
from digits.base.errors import UserError
from digits.config.params import load_yaml
from digits.search.locks import Lock, key_of
from digits.search.postgres import KEY, VARIABLE, WHERE_PASSWORDS_GO, PostgresStore
from digits.tracking.address import WAIT_FOR_OTHERS, sqlite_uri

ALLOWED = "an address that begins with postgresql:// or sqlite:///"
WITH_PASSWORD = re.compile(r"://[^@/:]*:[^@]*@|[?&]\w*password=")


class StudyStore(Protocol):
    """A database for studies. `url` and `engine_options` are what SQLAlchemy opens it with."""

    @property
    def url(self) -> str: ...

    @property
    def engine_options(self) -> dict[str, Any]: ...

    def lock(self, name: str) -> Lock:
        """Return the lock of this name, which all processes respect that use this database."""

    def report_errors(self, engine: Engine) -> None:
        """Let this engine of SQLAlchemy raise UserError for what goes wrong with a server."""


@dataclasses.dataclass(frozen=True)
class FileStore:
    """A SQLite file, for processes of one machine. `query` is what follows the path in its address."""

    file: Path
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def url(self) -> str:
        return sqlite_uri(self.file, {**WAIT_FOR_OTHERS, **self.query})

    @property
    def engine_options(self) -> dict[str, Any]:
        return {}

    def lock(self, name: str) -> Lock:
        return FileLock(f"{self.file}.{key_of(name) % 2**64:016x}.lock")

    def report_errors(self, engine: Engine) -> None:
        pass

    def __str__(self) -> str:
        return str(self.file)


def read_store(value: Any, source: str) -> StudyStore:
    """Return the store that the key study_store names. `source` says where it was set.

    Raises UserError if it is not the address of a store, or holds a password.
    """
    if value == "auto":
        value, source = os.environ.get(VARIABLE) or None, VARIABLE
    elif WITH_PASSWORD.search(str(value)):
        raise _shown_password(source)
    if value is None:
        return FileStore(paths.main_root() / "optuna.db")
    try:
        url = make_url(str(value))
    except (ArgumentError, ValueError):
        url = None
    if url and url.drivername in ("postgresql", "postgresql+psycopg"):
        return PostgresStore(url.set(drivername="postgresql+psycopg"))
    if url and url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):
        query = {key: str(value) for key, value in url.query.items()}
        return FileStore(paths.main_root() / str(url.database), query)
    scheme, found, _ = str(value).partition("://")  # the rest can hold a password
    where = source and f" ({source})"
    if found and not url:
        raise UserError(f"{KEY}: cannot be read as an address, {scheme}://host:port/database{where}")
    raise UserError(f"{KEY}: must be auto, null or {ALLOWED}{found and f', not {scheme}://'}{where}")


def refuse_shown_password(words: Sequence[str]) -> None:
    """Raise UserError if there is a password among the `words` of the command line, or in conf/tune.yaml:
    Hydra keeps both in files, and other users of the machine see the former."""
    if any(WITH_PASSWORD.search(word) for word in words):
        raise _shown_password("command line")
    if WITH_PASSWORD.search(str(load_yaml(paths.CONF / "tune.yaml").get(KEY))):
        raise _shown_password("conf/tune.yaml")


def _shown_password(source: str) -> UserError:
    where = source and f" ({source})"
    return UserError(f"{KEY}: a password here would be shown{where}; put it into {WHERE_PASSWORDS_GO}")
