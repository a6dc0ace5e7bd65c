"""Where the project's files are, and its name."""

import os
from pathlib import Path

NAME = "digits"  # of the MLflow experiment, and in those of models and jobs
ROOT = Path(__file__).resolve().parents[3]
CONF = ROOT / "conf"
PARAMS = ROOT / "params.yaml"
RAW = ROOT / "data/raw"
PREPARED = ROOT / "data/prepared"


def main_root() -> Path:
    """Return the root that keeps the MLflow store. It differs from ROOT in an experiment that DVC runs in a
    temporary copy of the project: DVC then names the original in DVC_ROOT."""
    return Path(os.environ.get("DVC_ROOT") or ROOT)
