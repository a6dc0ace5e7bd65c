"""Studies in a PostgreSQL database, for processes of any machine."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import IntegrityError

from digits.base.errors import UserError, message_of
from digits.base.paths import NAME
from digits.search.locks import Lock, PostgresLock

KEY, VARIABLE = "study_store", "DIGITS_STUDY_STORE"
WHERE_PASSWORDS_GO = f"the address in {VARIABLE}, PGPASSWORD or ~/.pgpass"
REMEDIES = (  # what is looked for in an error, and what helps
    (r"password|authentication|role ", f"the password can be in {WHERE_PASSWORDS_GO}"),
    (r"database .* does not exist", "create it there, or name another one"),
    (r"permission denied", "whoever owns the database has to grant CREATE on its schema public"),
    (r"connection option", "correct the address"),
    (r"optuna version", "all machines need the same one"),
    (r"", "the same command continues the search once the server is there"),
)
ON_SERVER = {
    # A machine that vanishes keeps no lock for longer than half a minute. The default is two hours.
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 4,
    # Optuna keeps the times of heartbeats without their zone, which must be one for all, without summer time
    "timezone": "UTC",
}
CONNECTION = {  # what the address can change: https://www.postgresql.org/docs/current/libpq-connect.html
    "application_name": NAME,
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,  # milliseconds
    "options": " ".join(f"-c {name}={value}" for name, value in ON_SERVER.items()),
}
ROLLED_BACK = "40"  # the class of errors of transactions that were in each other's way


class StudyStoreError(UserError):
    """The database of the study is away, lets nobody in, or refuses something."""


@dataclasses.dataclass(frozen=True)
class PostgresStore:
    """A database on a server. Its `address` can hold a password, which no message shows."""

    address: URL = dataclasses.field(repr=False)

    @property
    def url(self) -> str:
        """The rest of the address is in `engine_options`: Optuna keeps URLs in several places."""
        return "postgresql+psycopg://"

    @property
    def engine_options(self) -> dict[str, Any]:
        _, given = self.address.get_dialect()().create_connect_args(self.address)
        # one connection a process, and another for a moment if a heartbeat needs it
        return {"connect_args": {**CONNECTION, **given}, "pool_size": 1, "pool_pre_ping": True}

    def lock(self, name: str) -> Lock:
        return PostgresLock(self._connect, name)

    def _connect(self) -> Connection:
        arguments = self.engine_options["connect_args"]
        try:
            engine = create_engine(
                self.url, connect_args=arguments, poolclass=NullPool, isolation_level="AUTOCOMMIT"
            )
        except ImportError as error:
            raise StudyStoreError(
                f"{KEY}: the package psycopg is missing ({message_of(error)}); `make team-setup` installs it"
            ) from error
        self.report_errors(engine)
        return engine.connect()

    def report_errors(self, engine: Engine) -> None:
        @event.listens_for(engine, "handle_error")
        def report(context: Any) -> None:
            error = context.sqlalchemy_exception
            # SQLAlchemy and Optuna deal with these by themselves
            expected = context.is_pre_ping or isinstance(error, IntegrityError)
            expected |= (getattr(context.original_exception, "sqlstate", "") or "").startswith(ROLLED_BACK)
            if error and not expected:
                raise failure(self, error)

    def __str__(self) -> str:
        host, port, database = self.address.host, self.address.port, self.address.database
        return URL.create("postgresql", host=host, port=port, database=database).render_as_string()


def failure(store: object, error: BaseException) -> StudyStoreError:
    """Return an error of SQLAlchemy in one line, with what helps."""
    first, *_ = str(getattr(error, "orig", error)).strip().splitlines() or [type(error).__name__]
    reason = re.sub(r"^connection .*? failed: (FATAL: +)?", "", first)
    remedy = next(words for pattern, words in REMEDIES if re.search(pattern, reason))
    return StudyStoreError(f"{KEY}: {store}: {reason}; {remedy}")
