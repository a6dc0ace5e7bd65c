"""A command that is interrupted, or has a bug, says so and leaves nothing half-written."""

import os
import signal

import pytest

from project import Project, read_until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_killed_with_its_epochs_and_writes_nothing(
    project: Project, number: signal.Signals
) -> None:
    folder = project.root / "outputs/interrupted"
    command = ("python", "src/train.py", "model=small", "epochs=100000", f"out={folder}")
    with project.started(*command) as process:
        read_until(process, "epoch 2/100000")
        os.kill(process.pid, number)
        output, _ = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in output
    (run,) = project.runs()
    assert run.info.status == "KILLED"
    steps = [step for step, _ in project.points(run, "val_accuracy")]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= 1
    assert [path.name for path in folder.iterdir()] == [".hydra"]


def test_a_bug_keeps_its_traceback(project: Project) -> None:
    bug = 'raise RuntimeError("a bug")'
    project.edit("src/digits/data/pipeline.py", "    prepared = ", f"    {bug}\n    prepared = ")
    output = project.run("python", "src/preprocess.py", "out=failed", code=1)
    assert "Traceback (most recent call last)" in output
    assert "src/digits/data/pipeline.py" in output
    assert output.endswith("RuntimeError: a bug\n")
    assert [path.name for path in (project.root / "failed").iterdir()] == [".hydra"]
