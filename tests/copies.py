"""Copies of the project for tests to work in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from digits.base.paths import NAME
from project import Project
from support import COMPLETE, ROOT


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
    installed = project.root / ".venv/installed"  # for make: the tests' environment is used, which is on PATH
    installed.parent.mkdir()
    installed.touch()
    project.run("git", "init", "--quiet", "--initial-branch", "main")
    project.set_param("epochs", "1")
    return project


def copy_project(source: Path, folder: Path, store: Path | None = None) -> Project:
    """Copy a project, with `store` for its own, which knows artifacts by their absolute paths."""
    left_out = tuple(str(source / name) for name in (f"project/mlruns/{NAME}", "project/mlflow.db", COMPLETE))

    def ignore(parent: str, names: list[str]) -> list[str]:
        return [name for name in names if f"{parent}/{name}".startswith(left_out)]

    shutil.copytree(source, folder, symlinks=True, ignore=ignore)
    if store:
        shutil.copy(store, folder / "project/mlflow.db")
    return Project(folder / "project")


def copy_trained(template: Path, folder: Path) -> Project:
    """Copy a project with its store and what the runs in it have recorded."""
    project = copy_project(template, folder, template / "project/mlflow.db")
    shutil.copytree(template / "project/mlruns", project.root / "mlruns", dirs_exist_ok=True)
    return project
