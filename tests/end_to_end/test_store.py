"""Processes that record in one store at the same time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT, metric_points, recorded_runs

LOGS_20_STEPS = """
import mlflow
from digits.tracking import store
store.use()
with mlflow.start_run():
    for step in range(20):
        mlflow.log_metrics({"a": step, "b": -step}, step=step)
"""


def start_python(code: str) -> subprocess.Popen[str]:
    """Start a process that runs `code` with the library."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True)


def test_processes_that_record_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}?timeout=60")
    for recorded_before in (0, 4):  # at first they also have to create the store
        processes = [start_python(LOGS_20_STEPS) for _ in range(4)]
        for process in processes:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors
        assert len(recorded_runs()) == recorded_before + 4
    for run in recorded_runs():
        for metric, sign in (("a", 1), ("b", -1)):
            assert metric_points(run.info.run_id, metric) == [(step, sign * step) for step in range(20)]
