"""A copy of the project to run the real command lines in, and small data."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from digits.data import Split

ROOT = Path(__file__).parents[1]

# What the person who runs the tests has set must not reach them.
for variable in ("DIGITS_MIRROR", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "HYDRA_FULL_ERROR"):
    os.environ.pop(variable, None)
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "MLFLOW_DISABLE_TELEMETRY": "true", "DVC_NO_ANALYTICS": "true"}


class Project:
    """A copy of the project in a git repository of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(root.parent / "home"),  # where neither git nor DVC is configured
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        self.store = f"sqlite:///{root / 'mlflow.db'}"

    def run(self, *command: str, code: int | None = 0, **environment: str) -> str:
        """What the command prints to both streams; its exit code must be `code`, if not None."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert code is None or done.returncode == code, done.stdout
        return done.stdout

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new, 1))

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "state")


def copy_project(folder: Path) -> Project:
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(tracked, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    (folder / "home").mkdir(parents=True)
    project = Project(folder / "project")
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists() and not name.startswith("reports/") and name != "dvc.lock":
            target = project.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    project.run("git", "init", "--quiet", "--initial-branch", "main")
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project on data=sample with one epoch, committed, nothing run yet."""
    made = copy_project(tmp_path_factory.mktemp("copy"))
    made.environment |= {
        f"GIT_{role}_{part}": "test@localhost"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    made.edit("params.yaml", "data: mnist", "data: sample")
    made.edit("params.yaml", "epochs: auto", "epochs: 1")
    made.commit()
    return made


@pytest.fixture(scope="session")
def make_split() -> Callable[[int], Split]:
    """A maker of `n` images that are easy to tell apart: a bright row at the height of the label."""

    def make(n: int) -> Split:
        random = np.random.default_rng(n)
        labels = (np.arange(n) % 10).astype(np.uint8)
        images = random.integers(0, 60, (n, 28, 28, 1), dtype=np.uint8)
        images[np.arange(n), 4 + 2 * labels] = 255
        return Split(images, labels)

    return make
