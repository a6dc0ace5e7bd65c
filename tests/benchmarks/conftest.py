"""Benchmarks are imported as they import each other, and run in a checkout of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import ROOT

Run = Callable[..., str]
COMMIT = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout, with all changes committed, since the benchmarks clone the last commit."""
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(tracked, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    folder = tmp_path / "checkout"
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"], [*COMMIT, "state"]):
        subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.fixture
def run_benchmark(checkout: Path) -> Run:
    """Return a function that runs a benchmark of the checkout as a person does, and returns what it prints.
    No file that git tracks may change."""

    def run(name: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, f"benchmarks/{name}.py", *arguments],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(("src", "examples"))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout
        status = ["git", "status", "--porcelain"]
        assert subprocess.run(status, cwd=checkout, stdout=subprocess.PIPE, check=True).stdout == b""
        return done.stdout

    return run
