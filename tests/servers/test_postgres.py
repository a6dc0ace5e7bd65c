"""The store and the search in PostgreSQL."""

import psycopg
import pytest

from servers.postgres import PASSWORD, Postgres


def test_the_server_wants_the_password(postgres: Postgres) -> None:
    address = postgres.create("mine")
    psycopg.connect(address).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(address.replace(PASSWORD, "wrong"))
