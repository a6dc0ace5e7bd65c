"""End-to-end tests run the commands as a person does, each in a copy of the project of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from filelock import FileLock

from support import ROOT

IDENTITY = {
    f"GIT_{role}_{part}": "test@localhost" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
}


class Project:
    """A copy of the project in a git repository of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = f"sqlite:///{root / 'mlflow.db'}"
        self.environment = os.environ | IDENTITY
        self.environment |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(root.parent / "home"),  # where neither git nor DVC is configured
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def run(self, *command: str, code: int | None = 0, cwd: Path | None = None, **environment: str) -> str:
        """Return what the command prints to both streams. Its exit code must be `code`, unless that is None."""
        done = subprocess.run(
            command,
            cwd=cwd or self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert code is None or done.returncode == code, done.stdout
        return done.stdout

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start the command, with its standard output in a pipe."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace the first `old` in a file, which must be there."""
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new, 1))

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "state")

    def runs(self, filter_string: str = "") -> list[mlflow.entities.Run]:
        """Return the recorded runs that MLflow's search syntax selects, newest first."""
        mlflow.set_tracking_uri(self.store)
        found: list[mlflow.entities.Run] = mlflow.search_runs(
            experiment_names=["digits"],
            filter_string=filter_string,
            order_by=["attributes.start_time DESC"],
            output_format="list",
        )
        return found


def copy_checkout(folder: Path) -> Project:
    """Copy the files of this checkout, committed or not, except what DVC's stages wrote."""
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(tracked, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    (folder / "home").mkdir(parents=True)
    project = Project(folder / "project")
    for name in filter(None, names.split("\0")):
        written = (name.startswith("reports/") and not name.endswith(".gitignore")) or name == "dvc.lock"
        if (ROOT / name).exists() and not written:
            target = project.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    project.run("git", "init", "--quiet", "--initial-branch", "main")
    return project


@pytest.fixture(scope="session")
def prepared_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project on data=sample with one epoch, its images prepared by DVC, committed; made once for
    all processes that run tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "template"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = shared / "unfinished"
            project = copy_checkout(unfinished)
            project.edit("params.yaml", "data: mnist", "data: sample")
            project.edit("params.yaml", "epochs: auto", "epochs: 1")
            project.run("dvc", "repro", "preprocess")
            project.commit()
            unfinished.rename(folder)
    return folder


@pytest.fixture
def project(prepared_template: Path, tmp_path: Path) -> Project:
    """A copy of the template, for the test alone. Nothing is recorded yet."""
    shutil.copytree(prepared_template, tmp_path / "copy", symlinks=True)
    return Project(tmp_path / "copy/project")
