"""src/tune.py in processes of its own."""

import os
import signal
from pathlib import Path

import pytest

from project import Project, read_until
from sweeps import write_tiny_search


def test_what_a_killed_process_leaves_is_done_by_those_that_share_the_study(project: Project) -> None:
    write_tiny_search(project, 3)
    project.edit("src/digits/search/study.py", "HEARTBEAT = 5", "HEARTBEAT = 1")
    project.edit("src/digits/search/study.py", "GRACE = 30", "GRACE = 5")
    command = ("python", "src/tune.py", "search=tiny", "study=shared", "model=small", "epochs=8")
    with project.started(*command) as killed, project.started(*command) as left:
        read_until(killed, "epoch 1/8")
        os.kill(
            killed.pid, signal.SIGKILL
        )  # at once: in the first epoch of its next trial there is no checkpoint
        output, _ = left.communicate()
        assert left.returncode == 0, output

    trials = project.runs("tags.study = 'shared' and tags.sweep != ''")
    (parent,) = {run.data.tags["sweep"] for run in trials}
    assert sorted(run.info.status for run in trials) == ["FINISHED"] * 3
    assert project.client.get_run(parent).info.status == "FINISHED"
    (winner,) = project.runs("tags.winner = 'true'")
    assert winner.data.tags["sweep"] == parent
    finished = {run.data.tags["trial"] for run in trials if run.info.status == "FINISHED"}
    assert winner.data.tags["winner_of_trial"] in finished
    assert f"{winner.data.metrics['test_accuracy']:.2%}" in output


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-m"], "-m: a search makes its own trials"),
        (["validation=0.3"], "validation: asked for 0.3, but "),
    ],
)
def test_bad_input_is_one_line_and_starts_nothing(
    finished: Project, tmp_path: Path, words: list[str], complaint: str
) -> None:
    output = finished.run("python", str(finished.root / "src/tune.py"), *words, code=1, cwd=tmp_path)
    assert output.startswith(f"error: {complaint}")
    assert output.count("\n") == 1
    assert not (finished.root / "optuna.db").exists()
