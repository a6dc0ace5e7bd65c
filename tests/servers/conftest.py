"""Tests with the servers of a team and the launchers of a cluster: the real programs, on this machine alone.
Debian's postgresql and slurm-wlm must be installed, and what `make test-servers` installs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.postgres import Postgres, started_postgres
from templates import prepared_template, project

__all__ = ["prepared_template", "project"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server. Each test creates the databases that it needs."""
    with started_postgres() as server:
        yield server
