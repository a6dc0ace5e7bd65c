"""A command that is interrupted, or has a bug, says so and leaves nothing half-written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from project import Project, read_until
from support import ROOT

RECORDS_AND_IS_INTERRUPTED = """
import random, signal
from mlflow import MlflowClient
from digits.base import interrupts
from digits.tracking import runs, store

interrupts.install()
signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGTERM))
store.use()
moments = random.Random(1)
for number in range(40):
    signal.setitimer(signal.ITIMER_REAL, 0)
    interrupts._interrupted, interrupts._raised_at = False, 0  # each run stands for a process of its own
    try:
        with runs.run("interrupted") as recording:
            # and again and again, as by somebody who is impatient
            signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.001, 0.08), 0.007)
            while True:
                recording.log_metrics({"a": 1.0, "b": 2.0})
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(MlflowClient().get_run(recording.run_id).info.status)
"""


def test_an_interrupted_run_is_killed_with_its_epochs_and_writes_nothing(project: Project) -> None:
    folder = project.root / "outputs/interrupted"
    command = ("python", "src/train.py", "model=small", "epochs=100000", f"out={folder}")
    with project.started(*command) as process:
        read_until(process, "epoch 2/100000")
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in output
    (run,) = project.runs()
    assert run.info.status == "KILLED"
    steps = [step for step, _ in project.points(run, "val_accuracy")]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= 1
    assert [path.name for path in folder.iterdir()] == [".hydra"]


def test_a_run_that_is_interrupted_at_any_moment_of_recording_is_killed(tmp_path: Path) -> None:
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}?timeout=3"}
    environment = os.environ | store | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", RECORDS_AND_IS_INTERRUPTED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["KILLED"] * 40


def test_a_bug_keeps_its_traceback(project: Project) -> None:
    bug = 'raise RuntimeError("a bug")'
    project.edit("src/digits/data/pipeline.py", "    prepared = ", f"    {bug}\n    prepared = ")
    output = project.run("python", "src/preprocess.py", "out=failed", code=1)
    assert "Traceback (most recent call last)" in output
    assert "src/digits/data/pipeline.py" in output
    assert output.endswith("RuntimeError: a bug\n")
    assert [path.name for path in (project.root / "failed").iterdir()] == [".hydra"]
