"""What all tests share: an environment that the person who runs them does not influence, and small data."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from digits.data.splits import Split
    from support import MakeSplit

for variable in (
    "DIGITS_MIRROR",
    "DVC_ROOT",
    "HYDRA_FULL_ERROR",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_RUN_ID",
    "MLFLOW_TRACKING_URI",
):
    os.environ.pop(variable, None)
os.environ |= {
    "DVC_NO_ANALYTICS": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MPLBACKEND": "agg",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


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
