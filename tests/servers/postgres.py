"""A PostgreSQL server on this machine, of Debian's package."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from support import free_port

PROGRAMS = Path("/usr/lib/postgresql")  # and the version
USER, PASSWORD = "digits", "not-to-be-printed"


class Postgres:
    """A server that runs, with one user who may create databases."""

    def __init__(self, port: int, programs: Path) -> None:
        self.port, self._programs = port, programs

    def address(self, database: str) -> str:
        """Return the URL of a database, with user and password."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Create a database and return its URL."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.address(database)

    def dump(self, address: str) -> bytes:
        """Return all that is in the database at this URL, as `psql` takes it."""
        command: list[str | Path] = [self._programs / "pg_dump", "--no-owner", address]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def restore(self, database: str, dump: bytes) -> str:
        """Create a database with what was dumped, and return its URL."""
        address = self.create(database)
        psql: list[str | Path] = [self._programs / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", address]
        subprocess.run(psql, check=True, input=dump, stdout=subprocess.DEVNULL)
        return address

    def answers(self) -> bool:
        """Return whether it takes connections."""
        try:
            psycopg.connect(self.address("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextlib.contextmanager
def started_postgres() -> Iterator[Postgres]:
    """Start a server with an empty cluster in a temporary folder, on a free port of this machine."""
    (programs,) = PROGRAMS.glob("*/bin")
    port = free_port()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        password = folder / "password"
        password.write_text(PASSWORD)
        # it refuses to run as root
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            for each in (folder, password):
                shutil.chown(each, "postgres", "postgres")
        create = ["initdb", "--auth=scram-sha-256", f"--username={USER}", f"--pwfile={password}"]
        create += ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", str(folder / "cluster")]
        subprocess.run(
            [programs / create[0], *create[1:]], check=True, cwd=folder, stdout=subprocess.DEVNULL, **user
        )
        command = ["-D", str(folder / "cluster"), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [programs / "postgres", *command], cwd=folder, stdout=log, stderr=log, **user
            )
        server = Postgres(port, programs)
        try:
            while not server.answers():
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # ends sessions that are open
            process.wait(timeout=60)
