"""Tests with the servers of a team and the launchers of a cluster: the real programs, on this machine alone.
Debian's postgresql and slurm-wlm must be installed, and what `make test-servers` installs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from copies import copy_project
from servers.postgres import Postgres, started_postgres
from servers.s3 import S3, started_s3
from servers.team import Member, Team, add_users, started_team
from templates import prepared_template, project

__all__ = ["prepared_template", "project"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server. Each test creates the databases that it needs."""
    with started_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """An S3 server. Each test creates the buckets that it needs."""
    with started_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def team(postgres: Postgres, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A team's tracking server, with all users."""
    folder = tmp_path_factory.mktemp("team")
    records, users = postgres.create("records"), postgres.create("users")
    with started_team(folder, records, users, s3, s3.create("artifacts")) as server:
        add_users(server)
        yield server


@pytest.fixture(scope="session")
def recorded(team: Team, prepared_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Member:
    """A project in which ada has run the pipeline and committed its results. Tests share it."""
    folder = tmp_path_factory.mktemp("recorded") / "copy"
    member = Member(copy_project(prepared_template, folder).root, team, "ada")
    member.run("dvc", "repro")
    member.commit()
    return member
