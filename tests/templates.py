"""Fixtures for tests that run the commands as a person does: in a finished project, which they only read, or
in a copy of their own. What is slow to make is made once for all processes that run tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from copies import copy_checkout, copy_project, copy_trained
from project import Project
from support import Share
from sweeps import Sweep

IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}  # Python then prints each module that it imports


@pytest.fixture(scope="session")
def prepared_template(share: Share) -> Path:
    """The folder of a project on data=sample with one epoch, its images prepared by DVC, committed. What DVC
    printed is in output.txt."""

    def make(folder: Path) -> None:
        project = copy_checkout(folder)
        project.set_param("data", "sample")
        output = project.run("dvc", "repro", "preprocess", environment=IMPORTS)
        (folder / "output.txt").write_text(output)
        project.commit()

    return share("prepared", make)


@pytest.fixture(scope="session")
def finished_template(share: Share, prepared_template: Path, empty_store: Path) -> Path:
    """The folder of the same project after `dvc repro`, committed."""

    def make(folder: Path) -> None:
        project = copy_project(prepared_template, folder, empty_store)
        output = project.run("dvc", "repro", environment=IMPORTS)
        with (folder / "output.txt").open("a") as stream:
            stream.write(output)
        project.commit()

    return share("finished", make)


@pytest.fixture(scope="session")
def finished(finished_template: Path) -> Project:
    """The finished project, to be read only: tests share it."""
    return Project(finished_template / "project")


@pytest.fixture(scope="session")
def prepared(prepared_template: Path) -> Project:
    """The prepared project, to be read only: tests share it, also while the finished one is being made."""
    return Project(prepared_template / "project")


@pytest.fixture
def project(prepared_template: Path, tmp_path: Path, empty_store: Path) -> Project:
    """A copy of the prepared project, for the test alone. Nothing is recorded yet."""
    return copy_project(prepared_template, tmp_path / "copy", empty_store)


@pytest.fixture
def finished_copy(finished_template: Path, tmp_path: Path, empty_store: Path) -> Project:
    """A copy of the finished project, for the test alone, with an empty store."""
    return copy_project(finished_template, tmp_path / "copy", empty_store)


@pytest.fixture(scope="session")
def trained_template(share: Share, prepared_template: Path, empty_store: Path) -> Path:
    """The folder of a project with two runs: one that is good, and one that is not."""

    def make(folder: Path) -> None:
        project = copy_project(prepared_template, folder, empty_store)
        project.run("python", "src/experiment.py", "epochs=8")
        project.run("python", "src/experiment.py", "model=tutorial", "recipe=tutorial", "epochs=1")

    return share("trained", make)


@pytest.fixture
def trained(trained_template: Path, tmp_path: Path) -> Project:
    """A copy of it, for the test alone."""
    return copy_trained(trained_template, tmp_path / "copy")


@pytest.fixture(scope="session")
def swept(share: Share, prepared_template: Path, empty_store: Path) -> Sweep:
    """A sweep of two trials, which workers of joblib have run side by side with a thread each. Its project is
    to be read only: tests share it."""
    words = ("model=small", "model.dropout=0.1,0.5", "recipe.rotation=15", "epochs=4")
    workers = f"hydra.launcher.n_jobs={len(os.sched_getaffinity(0))}"

    def make(folder: Path) -> None:
        project = copy_project(prepared_template, folder, empty_store)
        sweep = ("python", "src/experiment.py", "-m", *words, "hydra/launcher=joblib", workers)
        (folder / "output.txt").write_text(project.run(*sweep))

    folder = share("swept", make)
    return Sweep(Project(folder / "project"), words, (folder / "output.txt").read_text())
