"""Data and results that members of a team share through S3 and git, and a pipeline whose server is away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from digits.base import files
from digits.base.paths import NAME
from project import Project, stages_run
from servers.s3 import S3
from servers.team import Member, Team
from support import free_port

MODEL = "models/model.keras"


@pytest.fixture(scope="module")
def origin(recorded: Member, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> tuple[Member, Path]:
    """A project in which ada has run the pipeline, and the bare repository that she has pushed to. Her data
    and results are in S3."""
    folder = tmp_path_factory.mktemp("origin")
    first = recorded.copy(folder / "first")
    first.environment |= s3.environment
    first.run("dvc", "remote", "add", "--default", "team", f"s3://{s3.create('data')}/digits")
    first.run("dvc", "remote", "modify", "team", "endpointurl", s3.address)
    first.commit()
    repository = folder / "digits.git"
    first.run("git", "init", "--quiet", "--bare", "--initial-branch", "main", str(repository))
    first.run("git", "remote", "add", "origin", str(repository))
    first.run("git", "push", "--quiet", "origin", "main")
    first.run("dvc", "push")
    return first, repository


@pytest.fixture
def clone(origin: tuple[Member, Path], team: Team, tmp_path: Path) -> Member:
    """A clone that bob has made of what ada pushed, with nothing but what is in git."""
    first, repository = origin
    (tmp_path / "home").mkdir()
    first.run("git", "clone", "--quiet", str(repository), str(tmp_path / "project"))
    second = Member(tmp_path / "project", team, "bob")
    second.environment |= {key: first.environment[key] for key in first.environment if key.startswith("AWS_")}
    return second


def test_after_dvc_pull_there_is_nothing_to_run_and_the_run_is_found(
    origin: tuple[Member, Path], clone: Member
) -> None:
    first, _ = origin
    clone.run("dvc", "pull")
    for name in (MODEL, "reports/predictions.csv", "data/fingerprint.json"):
        assert (clone.root / name).read_bytes() == (first.root / name).read_bytes()
    assert clone.stale_stages() == []
    assert stages_run(clone.run("dvc", "repro")) == []
    assert clone.changes() == ""
    assert first.runs("params.model = 'compact'")[0].info.run_id in clone.run("python", "src/summary.py")


def test_without_dvc_pull_repro_takes_what_s3_has(clone: Member) -> None:
    output = clone.run("dvc", "repro", "--pull")
    assert stages_run(output) == []
    assert (clone.root / MODEL).exists()


def test_an_experiment_is_pushed_and_pulled_with_its_results(
    origin: tuple[Member, Path], clone: Member
) -> None:
    first, _ = origin
    first.run("dvc", "exp", "run", "--temp", "--name", "tried", "-S", "model=small", "-S", "seed=3")
    first.run("dvc", "exp", "push", "origin", "tried")
    clone.run("dvc", "exp", "pull", "origin", "tried")
    clone.run("dvc", "exp", "apply", "tried")
    (run,) = first.runs("params.model = 'small' and params.seed = '3'")
    assert run.data.tags["model_md5"] == files.md5(clone.root / MODEL)
    metrics = json.loads((clone.root / "reports/metrics.json").read_text())
    assert metrics["test_accuracy"] == run.data.metrics["test_accuracy"]
    assert run.info.run_id in clone.run("python", "src/summary.py")


def contents(project: Project) -> dict[str, str]:
    """Return the md5 of each file that the stages have written."""
    written = [file for name in ("data", "models", "reports") for file in (project.root / name).rglob("*")]
    return {str(file): files.md5(file) for file in written if file.is_file()}


@pytest.fixture
def changed(recorded: Member, tmp_path: Path) -> Member:
    """A project in which the pipeline was run, and then the seed was changed."""
    project = recorded.copy(tmp_path / "copy")
    project.edit("params.yaml", "seed: 0", "seed: 7")
    return project


def test_dvc_removes_nothing_if_the_server_is_away_or_refuses(changed: Member, team: Team) -> None:
    before, away = contents(changed), f"http://127.0.0.1:{free_port()}"
    assert str(changed.root / MODEL) in before
    for environment, reason in (
        ({"MLFLOW_TRACKING_URI": away}, f"{away} does not answer as an MLflow server does"),
        (team.environment("ada", "wrong"), f"{team.address} lets nobody in without the right credentials"),
        (team.environment("eve"), f"{team.address} does not let the user eve write to the experiment {NAME}"),
    ):
        output = changed.run("dvc", "repro", code=255, environment=environment)
        assert stages_run(output) == []
        (line,) = (line for line in output.splitlines() if line.startswith("error: "))
        assert reason in line
        assert line.endswith("; with DIGITS_OFFLINE=true `dvc repro` runs all the same, and records it later")
        assert "Traceback" not in output
        assert contents(changed) == before


def test_offline_the_pipeline_runs_although_the_server_is_away(changed: Member) -> None:
    changed.edit("src/digits/tracking/recording.py", "LAST_WAIT = 20", "LAST_WAIT = 1")
    away = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}", "DIGITS_OFFLINE": "true"}
    assert stages_run(changed.run("dvc", "repro", environment=away)) == ["train", "evaluate"]
    assert len(list((changed.root / "outbox").iterdir())) == 2  # the run, and its scores


def test_with_a_store_in_a_file_the_first_stage_imports_no_mlflow(recorded: Member) -> None:
    command = ("python", "-X", "importtime", "src/fingerprint.py", "out=.")
    for address, imported in (("", False), ("sqlite:///mlflow.db", False), (recorded.team.address, True)):
        output = recorded.run(*command, environment={"MLFLOW_TRACKING_URI": address})
        modules = {line.rpartition("|")[2].strip() for line in output.splitlines()}
        assert "digits.data.fingerprint" in modules
        assert ({"mlflow", "sqlalchemy"} <= modules) is imported
