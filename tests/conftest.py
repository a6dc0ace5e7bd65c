"""What all tests share: an environment that the person who runs them does not influence, and small data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from digits.data.splits import Split
    from support import MakeSplit, Share

for variable in (
    "DIGITS_MIRROR",
    "DIGITS_STUDY_STORE",
    "DVC_ROOT",
    "HYDRA_FULL_ERROR",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_RUN_ID",
    "MLFLOW_TRACKING_URI",
    "SLURM_CPUS_PER_TASK",
):
    os.environ.pop(variable, None)
os.environ |= {
    "DVC_NO_ANALYTICS": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MPLBACKEND": "agg",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


# the same examples in every run, and no time limit for one, which a busy machine would exceed
hypothesis.settings.register_profile("digits", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("digits")


@pytest.fixture(scope="session")
def share(tmp_path_factory: pytest.TempPathFactory) -> Share:
    """Return a function that gives the folder of this name, made by the first process that asks for it."""
    from support import COMPLETE  # once the environment is set

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def get(name: str, make: Callable[[Path], None]) -> Path:
        folder = shared / name
        with FileLock(f"{folder}.lock"):
            if not (folder / COMPLETE).exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a failure left
                make(folder)
                (folder / COMPLETE).touch()
        return folder

    return get


@pytest.fixture(scope="session")
def empty_store(share: Share) -> Path:
    """The database of a store in which nothing is recorded, to be copied: MLflow creates one in the time of
    many tests."""
    from mlflow import MlflowClient

    def make(folder: Path) -> None:
        folder.mkdir()
        MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()

    return share("empty_store", make) / "mlflow.db"


@pytest.fixture(scope="session")
def make_split() -> MakeSplit:
    """Return a function that makes `n` images which are easy to tell apart: a bright row at the height of the
    label, and noise."""

    from digits.data.splits import Split  # once the environment is set

    def make(n: int) -> Split:
        random = np.random.default_rng(n)
        labels = (np.arange(n) % 10).astype(np.uint8)
        images = random.integers(0, 60, (n, 28, 28, 1), dtype=np.uint8)
        images[np.arange(n), 4 + 2 * labels] = 255
        return Split(images, labels)

    return make
