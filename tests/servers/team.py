"""A team's tracking server: MLflow's own, with its users and records in PostgreSQL, and artifacts in S3."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from copies import copy_project
from digits.base.paths import ROOT
from project import Project
from servers.processes import started
from servers.s3 import S3
from support import free_port

DOCUMENTED = ROOT / "docs/team"
SECRET = b"be-printed"  # a part of all passwords
ADMIN, ADMIN_PASSWORD = "admin", "admin-not-to-be-printed"
PASSWORDS = {"ada": "ada-not-to-be-printed", "bob": "bob:n@t/to%be-printed", "eve": "eve-not-to-be-printed"}
WRITERS = ("ada", "bob")  # the others may read
ROLE = dict.fromkeys(("experiment", "logged_model", "registered_model"), "EDIT")  # of a writer


@dataclasses.dataclass(frozen=True)
class Team:
    """A server that runs, with the users of PASSWORDS. `records` and `users` are its databases."""

    address: str
    records: str
    users: str
    bucket: str
    log: Path

    def environment(self, user: str, password: str = "") -> dict[str, str]:
        """Return what a command needs to record as this user."""
        return {
            "MLFLOW_TRACKING_URI": self.address,
            "MLFLOW_TRACKING_USERNAME": user,
            "MLFLOW_TRACKING_PASSWORD": password or PASSWORDS[user],
        }

    def address_of(self, user: str) -> str:
        """Return the URL of the server with this user and the password."""
        return self.address.replace("//", f"//{user}:{quote(PASSWORDS[user], safe='')}@")

    def call(self, path: str, **values: Any) -> Any:
        """Call the REST interface as the admin, and return the answer."""
        url = f"{self.address}/api/{path}"
        answer = requests.post(url, json=values, auth=(ADMIN, ADMIN_PASSWORD), timeout=60)
        assert answer.ok, answer.text
        return answer.json() if answer.text else None


@contextlib.contextmanager
def started_team(folder: Path, records: str, users: str, s3: S3, bucket: str) -> Iterator[Team]:
    """Start a server with these databases and this bucket, as docs/team.md does, except that some users may
    only read. Its settings and its log are in `folder`."""
    settings, port = folder / "auth.ini", free_port()
    text = (DOCUMENTED / "auth.ini").read_text()
    settings.write_text(text.replace("postgresql:///mlflow", users).replace("= EDIT", "= READ"))
    environment = {
        **_variables(DOCUMENTED / "server.env"),
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "key-not-to-be-printed",
        "MLFLOW_BACKEND_STORE_URI": records,
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{bucket}",
        "MLFLOW_S3_ENDPOINT_URL": s3.address,
        **s3.environment,
    }
    started_by = (DOCUMENTED / "mlflow.service").read_text().partition("ExecStart=")[2].splitlines()[0]
    command = [sys.executable, "-m", "mlflow", *started_by.replace("5000", str(port)).split()[1:]]
    address, log = f"http://127.0.0.1:{port}", folder / "mlflow.log"
    with started(command, log, environment, lambda: _is_healthy(address)):
        yield Team(address, records, users, bucket, log)


def _variables(file: Path) -> dict[str, str]:
    """Return what a file in the format of systemd's EnvironmentFile sets."""
    lines = file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _is_healthy(address: str) -> bool:
    try:
        return requests.get(f"{address}/health", timeout=5).ok
    except requests.RequestException:
        return False


def add_users(team: Team) -> None:
    """Create the users of PASSWORDS, and let WRITERS write."""
    for user, password in PASSWORDS.items():
        team.call("2.0/mlflow/users/create", username=user, password=password)
    role = team.call("3.0/mlflow/roles/create", workspace="default", name="writers")["role"]["id"]
    for kind, permission in ROLE.items():
        grant = {"resource_type": kind, "resource_pattern": "*", "permission": permission}
        team.call("3.0/mlflow/roles/permissions/add", role_id=role, **grant)
    for user in WRITERS:
        team.call("3.0/mlflow/roles/assign", role_id=role, username=user)


class Member(Project):
    """A project whose commands record on a team's server as one of its users. All that they print is in
    `printed`."""

    def __init__(self, root: Path, team: Team, user: str) -> None:
        super().__init__(root)
        self.team, self.user, self.store, self.printed = team, user, team.records, ""
        self.environment |= team.environment(user)

    def run(self, *command: str, **place: Any) -> str:
        output = super().run(*command, **place)
        self.printed += output
        return output

    def copy(self, folder: Path) -> Member:
        """Copy the project for the same user."""
        return Member(copy_project(self.root.parent, folder).root, self.team, self.user)
