"""The commands on a team's tracking server: MLflow's own with users, PostgreSQL and S3."""

from __future__ import annotations

import base64
import contextlib
import csv
from pathlib import Path

import pytest
import requests

from copies import copy_project
from digits.base.paths import NAME
from digits.base.processes import this_process
from picture_files import write_drawings
from servers.postgres import Postgres
from servers.s3 import S3
from servers.team import ADMIN, ADMIN_PASSWORD, PASSWORDS, SECRET, Member, Team, started_team
from sweeps import write_tiny_search

SMALL = ("model=small", "epochs=1")
COMPARE = ("python", "src/compare.py", "--format", "csv")
LIGHT = (("experiment.py", "-m", *SMALL, "seed=0,1", "out=refused"), ("promote.py",))
WRITING = (
    *LIGHT,
    ("train.py", *SMALL, "out=refused"),
    ("tune.py", "search=tiny", *SMALL, "out=refused"),
)


@pytest.fixture(scope="module")
def ada(recorded: Member) -> Member:
    """The project of ada, who has run the pipeline, a sweep of four trials with joblib, and a search."""
    write_tiny_search(recorded, 2)
    script = ("python", "src/experiment.py", "-m")
    workers = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    recorded.run(*script, *SMALL, "seed=0,1", "recipe.rotation=5,15", *workers)
    recorded.run("python", "src/tune.py", "search=tiny", *SMALL)
    return recorded


@pytest.fixture(scope="module")
def bob(ada: Member, team: Team, tmp_path_factory: pytest.TempPathFactory) -> Member:
    """The project of bob, who records in the experiment of ada and promotes his run. His password is in the
    address of the server."""
    folder = tmp_path_factory.mktemp("bob") / "copy"
    bob = Member(copy_project(ada.root.parent, folder).root, team, "bob")
    for name in ("USERNAME", "PASSWORD"):
        del bob.environment[f"MLFLOW_TRACKING_{name}"]
    bob.environment["MLFLOW_TRACKING_URI"] = team.address_of("bob")
    bob.run("python", "src/experiment.py", "model=small", "epochs=6")
    return bob


def refusals(member: Member, user: str, password: str, *scripts: tuple[str, ...]) -> list[str]:
    """Run scripts at once as this user. All must exit with 1 after one line, before they have done anything.
    Return the lines."""
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    environment = dict(zip(names, (user, password), strict=True))
    before = len(member.runs())
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(member.started("python", f"src/{script}", *words, environment=environment))
            for script, *words in scripts
        ]
        outputs = [process.communicate()[0] for process in started]
        assert [process.returncode for process in started] == [1] * len(started), outputs
    assert [output.count("\n") for output in outputs] == [1] * len(outputs), outputs
    assert len(member.runs()) == before
    assert list((member.root / "outbox").iterdir()) == []
    assert not list((member.root / "refused").rglob("*.keras"))
    member.printed += "".join(outputs)
    return outputs


def test_the_pipeline_is_recorded_with_its_model_and_its_scores(ada: Member, s3: S3, team: Team) -> None:
    (run,) = ada.runs("params.model = 'compact'")
    assert run.info.status == "FINISHED"
    assert run.info.user_id == "ada"
    assert run.data.metrics["test_accuracy"] > 0.5
    objects = s3.objects(team.bucket)
    assert f"{run.info.experiment_id}/{run.info.run_id}/artifacts/history.csv" in objects
    assert (ada.root / "models/model.keras").read_bytes() in objects.values()
    assert not (ada.root / "mlflow.db").exists()


def test_a_sweep_with_workers_and_a_search_are_recorded_as_runs_with_children(ada: Member) -> None:
    parents = {run.data.tags["sweep"] for run in ada.runs("tags.sweep != ''")}
    children = {parent: ada.runs(f"tags.mlflow.parentRunId = '{parent}'") for parent in parents}
    assert sorted(map(len, children.values())) == [3, 4]  # the winner of the search is trained again
    assert {run.info.status for runs in children.values() for run in runs} == {"FINISHED"}
    assert "best by validation accuracy" in ada.printed
    assert "2 trials completed" in ada.printed
    assert list((ada.root / "outbox").iterdir()) == []


def test_the_runs_of_all_users_are_compared(ada: Member, bob: Member, team: Team) -> None:
    (run,) = bob.runs("params.epochs = '6'")
    assert run.info.user_id == "bob"
    lines = [line for line in ada.run(*COMPARE).splitlines() if "," in line]
    rows = {(row["model"], row["epochs"]): row["test_accuracy"] for row in csv.DictReader(lines)}
    assert {("compact", "1"), ("small", "1"), ("small", "6")} <= rows.keys()
    # who may only read finds the page as it is, and as a writer has arranged it
    for user, known in (("eve", "searchFilter"), ("ada", "viewStateShareKey"), ("eve", "viewStateShareKey")):
        page = ada.run("python", "src/ui.py", environment=team.environment(user))
        assert page.startswith(f"the runs are compared at {team.address}/#/experiments/")
        assert f"&{known}=" in page


def test_users_promote_in_turn_and_a_reader_serves_the_champion(
    ada: Member, bob: Member, team: Team, tmp_path: Path
) -> None:
    promote = ("python", "src/promote.py")
    compact = ada.runs("params.model = 'compact'")[0].info.run_id
    assert "version 1 is champion" in ada.run(*promote, compact)
    assert "version 2 is champion" in bob.run(*promote)
    assert "version 1 is challenger" in ada.run(*promote, compact)
    assert "version 1 is champion again" in bob.run(*promote, "rollback")
    write_drawings(tmp_path, 0)
    picture = next((tmp_path / "7").iterdir()).read_bytes()
    with ada.serving(environment=team.environment("eve")) as (address, _):
        assert requests.get(f"{address}/model").json()["version"] == 1
        assert len(requests.post(f"{address}/predict", data=picture).json()["probabilities"]) == 10


def test_with_a_wrong_password_or_none_each_command_is_refused_in_one_line(ada: Member) -> None:
    reading = (("compare.py",), ("serve.py", "--port", "0"))
    lines = refusals(ada, "ada", "wrong-not-to-be-printed", *WRITING, *reading)
    lines += refusals(ada, "", "", *LIGHT, reading[0])
    for line in lines:
        assert "lets nobody in without the right credentials; set MLFLOW_TRACKING_USERNAME and" in line


def test_one_who_may_only_read_is_refused_before_the_work(ada: Member) -> None:
    lines = refusals(ada, "eve", PASSWORDS["eve"], *WRITING, ("evaluate.py", "out=refused"))
    kinds = ["experiment", "registered models", *["experiment"] * 3]
    for kind, line in zip(kinds, lines, strict=True):
        assert f" does not let the user eve write to the {kind} {NAME} (" in line


def test_a_reader_leaves_the_run_of_a_killed_process_to_those_who_may_end_it(ada: Member, team: Team) -> None:
    (run,) = ada.runs("params.model = 'compact'")
    gone = {**this_process(), "process_start": "0"}
    left = ada.client.create_run(run.info.experiment_id, tags=gone).info.run_id
    for user, status in (("eve", "RUNNING"), ("ada", "KILLED")):
        ada.run(*COMPARE, environment=team.environment(user))
        assert ada.client.get_run(left).info.status == status


def test_a_restored_backup_has_the_same_runs_and_models(
    ada: Member, team: Team, postgres: Postgres, s3: S3, tmp_path: Path
) -> None:
    table, objects = ada.run(*COMPARE), s3.objects(team.bucket)
    records = postgres.restore("restored-records", postgres.dump(team.records))
    users = postgres.restore("restored-users", postgres.dump(team.users))
    s3.copy(team.bucket, "restored")
    before = postgres.dump(records)
    ada.run(
        "mlflow", "db", "upgrade", records
    )  # which is of use to a newer version; this one changes nothing
    assert same(postgres.dump(records)) == same(before)
    with started_team(tmp_path, records, users, s3, "restored") as restored:
        environment = restored.environment("ada")
        assert ada.run(*COMPARE, environment=environment) == table
        download = ("mlflow", "artifacts", "download", "--artifact-uri", f"models:/{NAME}-sample@champion")
        ada.run(*download, "--dst-path", str(tmp_path), environment=environment)
    assert (tmp_path / "data/model.keras").read_bytes() in objects.values()


def same(dump: bytes) -> list[bytes]:
    """Return the lines of a dump without the word that pg_dump makes up for each."""
    return [line for line in dump.splitlines() if not line.startswith((b"\\restrict", b"\\unrestrict"))]


def test_no_password_is_recorded_or_printed(
    ada: Member, bob: Member, team: Team, postgres: Postgres, s3: S3
) -> None:
    users = PASSWORDS | {ADMIN: ADMIN_PASSWORD}
    headers = [base64.b64encode(f"{user}:{password}".encode()) for user, password in users.items()]
    found = {
        "records": postgres.dump(team.records),
        "users": postgres.dump(team.users),
        "log": team.log.read_bytes(),
        "printed": (ada.printed + bob.printed).encode(),
        **s3.objects(team.bucket),
        **{
            str(file): file.read_bytes()
            for member in (ada, bob)
            for file in member.root.rglob("*")
            if file.is_file() and not file.is_relative_to(member.root / "tests")  # where they are from
        },
    }
    assert len(found) > 100
    assert b"ada" in found["users"]
    told = [name for name, text in found.items() if any(word in text for word in (SECRET, *headers))]
    assert told == []
