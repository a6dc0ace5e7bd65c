"""A disk that is full, as a small file system in memory can be."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import Project, read_until

TRAIN = ("python", "src/train.py", "model=small", "epochs=60", "out=trained")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_training_goes_on_although_the_disk_of_the_store_is_full_and_is_recorded_once_there_is_space(
    project: Project, small_disk: Path
) -> None:
    project.edit("src/digits/tracking/recording.py", "LAST_WAIT = 20", "LAST_WAIT = 2")
    project.environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{small_disk / 'mlflow.db'}"
    filler = small_disk / "filler"
    with project.started(*TRAIN) as training:
        read_until(training, "epoch 3/")
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], capture_output=True)
        output, _ = training.communicate()
    assert training.returncode == 0
    of_training = ("epoch ", "files ")
    away, left = (line for line in output.splitlines() if line and not line.startswith(of_training))
    assert away.startswith(
        f"{small_disk}/mlflow.db does not take what is recorded (database or disk is full)"
    )
    assert "the next command or `make sync` delivers it" in left
    assert (project.root / "trained/models/model.keras").exists()

    filler.unlink()
    assert "recorded what waited in outbox/\n" in project.run("make", "sync")
    project.store = f"sqlite:///{small_disk / 'mlflow.db'}"
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
    assert [step for step, _ in project.points(run, "loss")] == list(range(1, 61))


def test_outputs_on_a_full_disk_are_one_line_and_leave_nothing(project: Project, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(3 * 2**20))
    out = small_disk / "out"
    output = project.run("python", "src/preprocess.py", f"out={out}", code=1)
    assert output == f"error: {out}: No space left on device; free some, and give the same command again\n"
    assert [path.name for path in out.iterdir()] == [".hydra"]
