"""src/tune.py in clones of the project, as on several machines, with the study in PostgreSQL."""

from __future__ import annotations

import re
import shutil
import signal
import time
from pathlib import Path

import psycopg
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from copies import copy_checkout, copy_project
from project import find_runs, read_until
from servers.postgres import PASSWORD, Postgres
from support import Share
from sweeps import write_tiny_search

TUNE = ("python", "src/tune.py", "search=tiny", "study=shared", "model=small")
WON = "won; it is trained again"


@pytest.fixture(scope="session")
def prepared_template(share: Share) -> Path:
    """The folder of a project on data=sample, with a tiny search, its images prepared."""

    def make(folder: Path) -> None:
        project = copy_checkout(folder)
        project.edit("params.yaml", "data: mnist", "data: sample")
        write_tiny_search(project, 5)
        project.run("dvc", "repro", "preprocess")
        project.commit()

    return share("prepared for a search", make)


class Machines:
    """Clones of the project that share nothing but a database for the study and a store of MLflow."""

    def __init__(self, folder: Path, template: Path, study_store: str, empty_store: Path) -> None:
        self.folder = folder
        self.clones = [copy_project(template, folder / name) for name in ("here", "there")]
        self.store = f"sqlite:///{shutil.copy(empty_store, folder / 'team.db')}"
        for clone in self.clones:
            clone.environment |= {"DIGITS_STUDY_STORE": study_store, "MLFLOW_TRACKING_URI": self.store}
            # what a process is known by, so that on another machine nobody sees that it has ended
            machine = f'machine = "{clone.root.parent.name}"'
            clone.edit("src/digits/base/processes.py", 'machine = _read("/etc/machine-id")[:8]', machine)

    def runs(self, filter_string: str = "") -> list[Run]:
        return find_runs(MlflowClient(self.store), filter_string)

    def states(self, filter_string: str) -> list[str]:
        return sorted(run.info.status for run in self.runs(filter_string))

    def check_result(self, *outputs: str) -> None:
        """Check that all trials have one parent, and that all processes report the same winner."""
        (parent,) = self.runs("tags.study_key != ''")
        (winner,) = self.runs("tags.winner = 'true'")
        assert parent.info.status == winner.info.status == "FINISHED"
        assert {run.data.tags["sweep"] for run in self.runs("tags.sweep != ''")} == {parent.info.run_id}
        for output in outputs:
            assert f"test accuracy of the winner: {winner.data.metrics['test_accuracy']:.2%}\n" in output
            assert f"make ui SWEEP={parent.info.run_id}\n" in output

    def check_that_the_password_is_nowhere(self, *outputs: str) -> None:
        files = [
            file
            for file in self.folder.rglob("*")
            if file.is_file() and "project/tests/" not in str(file)  # where it is from
        ]
        assert {"overrides.yaml", "team.db", "entries", "config.yaml"} & {file.name for file in files}
        for file in files:
            assert PASSWORD.encode() not in file.read_bytes(), file
        assert PASSWORD not in "".join(outputs)


@pytest.fixture
def address(postgres: Postgres, tmp_path: Path) -> str:
    return postgres.create(tmp_path.name)


@pytest.fixture
def machines(address: str, tmp_path: Path, prepared_template: Path, empty_store: Path) -> Machines:
    return Machines(tmp_path / "machines", prepared_template, address, empty_store)


def test_two_machines_share_a_search_and_one_of_them_trains_the_winner(
    machines: Machines, address: str
) -> None:
    here, there = machines.clones
    del there.environment["DIGITS_STUDY_STORE"]
    there.environment["PGPASSWORD"] = PASSWORD
    named = f"study_store={address.replace(f':{PASSWORD}', '')}"
    with (
        here.started(*TUNE, "epochs=3") as first,
        there.started(*TUNE, "epochs=3", named) as second,
    ):
        outputs = [process.communicate()[0] for process in (first, second)]
        assert [first.returncode, second.returncode] == [0, 0], outputs
    machines.check_result(*outputs)
    printed = "".join(outputs)
    assert sorted(re.findall(r"trial (\d): val_accuracy", printed)) == list("01234")
    assert printed.count(WON) == 1
    assert printed.count("5 trials completed, 0 pruned, 0 failed") == 2
    assert machines.states("tags.sweep != ''") == ["FINISHED"] * 6
    machines.check_that_the_password_is_nowhere(*outputs)
    assert not any((clone.root / "optuna.db").exists() for clone in machines.clones)

    elsewhere = {"MLFLOW_TRACKING_URI": f"sqlite:///{machines.folder}/another.db"}
    refused = here.run(*TUNE, "epochs=3", code=1, environment=elsewhere)
    assert refused.startswith("error: MLFLOW_TRACKING_URI: ")
    assert "/another.db does not have the trials of the study shared; name the store that does" in refused
    assert refused.count("\n") == 1


def test_what_a_killed_machine_was_doing_is_done_by_another(machines: Machines, address: str) -> None:
    here, there = machines.clones
    for clone in machines.clones:
        clone.edit("src/digits/search/study.py", "HEARTBEAT = 5", "HEARTBEAT = 1")
        clone.edit("src/digits/search/study.py", "GRACE = 30", "GRACE = 5")
    command = (*TUNE, "epochs=8", "search.trials=2")
    with here.started(*command) as killed:
        read_until(killed, "epoch 2/8")
        killed.kill()
    with there.started(*command) as killed:
        read_until(killed, WON, "epoch 2/8")
        killed.send_signal(signal.SIGSTOP)  # with the study's lock held
        with here.started(*command) as left:
            while locks_asked_for(address) < 2:
                time.sleep(0.2)
            killed.kill()
            output, _ = left.communicate()
            assert left.returncode == 0, output
    machines.check_result(output)
    assert WON in output
    assert "2 trials completed, 0 pruned, 1 failed" in output
    assert machines.states("tags.trial != ''") == ["FINISHED"] * 2 + ["KILLED"]
    assert machines.states("tags.sweep != ''") == ["FINISHED"] * 3 + ["KILLED"] * 2


def locks_asked_for(address: str) -> int:
    """Return how many processes hold a lock or wait for one."""
    asked = "query LIKE 'SELECT pg_try_advisory_lock%' AND datname = current_database()"
    with psycopg.connect(address) as connection:
        return len(connection.execute(f"SELECT FROM pg_stat_activity WHERE {asked}").fetchall())


def test_a_search_ends_in_one_line_if_the_server_goes_away_and_is_continued_later(
    machines: Machines, postgres: Postgres, tmp_path: Path
) -> None:
    here, _ = machines.clones
    command = (*TUNE, "epochs=25", "search.trials=1")
    with here.started(*command) as process:
        read_until(process, "epoch 2/25")
        let_in(postgres, tmp_path.name, False)
        output, _ = process.communicate()
    assert process.returncode == 1
    error = output.splitlines()[-1]
    assert error.startswith(f"error: study_store: postgresql://127.0.0.1:{postgres.port}/{tmp_path.name}: ")
    assert error.endswith("; the same command continues the search once the server is there")
    assert all(line.startswith("epoch ") for line in output.splitlines()[:-1])
    assert machines.states("") == ["FAILED"] * 2

    let_in(postgres, tmp_path.name, True)
    again = here.run(*command)
    assert "goes on after epoch " in again
    machines.check_result(again)
    assert machines.states("") == ["FINISHED"] * 3
    machines.check_that_the_password_is_nowhere(output, again)


def let_in(server: Postgres, database: str, allowed: bool) -> None:
    """Let the server take connections to the database, or end them all and take none."""
    with psycopg.connect(server.address("postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS {allowed}')
        if not allowed:
            others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(others, [database])


def test_a_wrong_password_is_one_line_and_starts_nothing(machines: Machines, address: str) -> None:
    here, _ = machines.clones
    wrong = {"DIGITS_STUDY_STORE": address.replace(PASSWORD, "mistyped")}
    output = here.run(*TUNE, code=1, environment=wrong)
    assert "password authentication failed for user" in output
    assert output.startswith("error: study_store: ")
    assert output.count("\n") == 1
    assert "mistyped" not in output
    assert machines.runs() == []
