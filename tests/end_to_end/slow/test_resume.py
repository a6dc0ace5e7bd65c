"""Work that is not lost: commands that are killed at any moment, and given again."""

import os
import signal
import time
from pathlib import Path

import pytest
from mlflow.entities import LoggedModelStatus, Run

from project import LONGEST, Project, read_until
from support import files_in

KILLS = 20
IS_KILLED_AND_STARTED_AGAIN = """
import os, random, signal, sys, time
from pathlib import Path
from digits import cli
from digits.base import paths
from digits.config.request import compose_request
from digits.config.schema import Config
from digits.experiment import run

kills, out = int(sys.argv[1]), Path(sys.argv[2])
request = compose_request(sys.argv[3:], Config, out)
cli.set_up_process()
run.start_learning(request)  # imported once, for all processes below
checkpoints = paths.main_root() / "checkpoints"
moments = random.Random(0)
longest = None
while kills >= 0:
    start = time.monotonic()
    process = os.fork()
    if process == 0:
        run.train_and_evaluate(request)
        os._exit(0)
    deadline = start + moments.uniform(0.2, longest) if longest and kills else start + 1000
    ended = 0
    while not ended and time.monotonic() < deadline:
        time.sleep(0.01)
        ended, status = os.waitpid(process, os.WNOHANG)
    last = kills == 0
    if ended:
        assert status == 0, status
        longest = longest or time.monotonic() - start
        kills -= last
    else:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        kills -= 1
    # scored, with nothing left to go on from: finished, even if the kill came before the summary was printed
    if (out / "reports/metrics.json").exists() and not list(checkpoints.glob("*.checkpoint")):
        out.rename(out.with_name(f"finished {len(list(out.parent.glob('finished *')))}"))
"""


def epochs(project: Project, run: Run) -> dict[str, list[tuple[int, float]]]:
    names = ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate")
    return {name: project.points(run, name) for name in names}


def test_a_command_that_is_killed_at_random_moments_ends_as_if_it_had_not_been(
    project: Project, tmp_path: Path
) -> None:
    words = ("model=small", "model.filters=[4]", "epochs=6", "recipe=onecycle", "recipe.selection.after=2")
    out = tmp_path / "results/out"
    project.environment["PYTHONPATH"] = str(project.root / "src")
    project.run("python", "-c", IS_KILLED_AND_STARTED_AGAIN, str(KILLS), str(out), *words)

    first, *others = sorted(out.parent.iterdir())
    assert others
    assert {"models/model.keras", "reports/history.csv", "reports/metrics.json"} <= set(files_in(first))
    for other in others:
        assert files_in(other) == files_in(first)
    whole, *finished = project.runs("attributes.status = 'FINISHED'")[::-1]
    assert len(finished) == len(others)
    for run in finished:
        assert epochs(project, run) == epochs(project, whole)
        assert [step for step, _ in project.points(run, "seconds")] == [1, 2, 3, 4, 5, 6]
        assert run.data.metrics["test_loss"] == whole.data.metrics["test_loss"]
        assert project.artifacts(run) == project.artifacts(whole)
        filter_string = f"source_run_id = '{run.info.run_id}'"
        (model,) = project.client.search_logged_models([run.info.experiment_id], filter_string)
        assert model.status == LoggedModelStatus.READY
    for run in project.runs("attributes.status != 'FINISHED'"):  # killed before there was anything to keep
        assert "loss" not in run.data.metrics
    assert list((project.root / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("command", [("dvc", "repro"), ("make", "run")])
def test_a_stage_ends_with_the_command_that_runs_it_and_goes_on_with_the_next_one(
    project: Project, command: tuple[str, ...]
) -> None:
    project.edit("params.yaml", "epochs: 1", "epochs: 12")
    project.commit()
    with project.started(*command) as started:
        read_until(started, "epoch 2/12")
        os.kill(started.pid, signal.SIGTERM)
        deadline = time.monotonic() + LONGEST
        while (run := project.runs()[0]).info.status == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert run.info.status == "KILLED"
        output, _ = started.communicate()  # when nobody has standard output open any more
    assert "epoch 12/12" not in output

    assert "goes on after epoch" in project.run(*command)
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
    assert [step for step, _ in project.points(run, "loss")] == list(range(1, 13))
    assert "test_accuracy" in run.data.metrics
    assert project.stale_stages() == ([] if command == ("dvc", "repro") else ["train", "evaluate"])


def test_a_sweep_goes_on_if_a_worker_is_killed(project: Project) -> None:
    words = (
        "-m",
        "model=small",
        "seed=0,1,2",
        "epochs=12",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    )
    with project.started("python", "src/experiment.py", *words) as sweep:
        read_until(sweep, "epoch 2/12")
        first = project.runs("attributes.status = 'RUNNING' and metrics.loss > 0")[-1]
        os.kill(int(first.data.tags["process"]), signal.SIGKILL)
        output, _ = sweep.communicate()
    assert sweep.returncode == 0, output
    assert "a worker was killed; what it was running is started again" in output
    assert "goes on after epoch" in output
    known = "tags.sweep != '' and metrics.loss > 0"  # what was killed before its first epoch starts anew
    trials = project.runs(known)
    assert [trial.info.status for trial in trials] == ["FINISHED"] * 3
    assert sorted(trial.data.params["seed"] for trial in trials) == ["0", "1", "2"]
    assert "to repeat it: dvc exp run" in output
