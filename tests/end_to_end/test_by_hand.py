"""A model that is trained and evaluated by hand, from another folder, with the runs on a tracking server."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from copies import copy_project
from project import Project, find_runs
from support import Share, free_port
from sweeps import Sweep

PASSWORD = "s3cret"


@dataclasses.dataclass(frozen=True)
class ByHand:
    """A project, the folder where its commands were started, the server's folder, and what those printed.
    To be read only."""

    project: Project
    started_in: Path
    server: Path
    output: str

    def run(self) -> Run:
        (only,) = find_runs(MlflowClient(f"sqlite:///{self.server / 'team.db'}"))
        return only


@pytest.fixture(scope="module")
def by_hand(share: Share, finished_template: Path, swept: Sweep) -> ByHand:
    """The best trial of the sweep, trained by train.py and scored by evaluate.py."""
    dropout = swept.best_trial().data.params["model.dropout"]
    words = [word for word in swept.words if not word.startswith("model.dropout")]
    words += [f"model.dropout={dropout}", "threads=3"]

    def make(folder: Path) -> None:
        project = copy_project(finished_template, folder)
        started_in, server = folder / "elsewhere", folder / "server"
        started_in.mkdir()
        server.mkdir()
        port = free_port()
        with project.server(server, port) as process:
            project.environment["MLFLOW_TRACKING_URI"] = f"http://somebody:{PASSWORD}@127.0.0.1:{port}"
            model = "model_file=trained/models/model.keras"
            output = ""
            for script, *own in (
                ("train.py", "out=trained"),
                ("evaluate.py", model, "out=scored"),
                ("summary.py",),
            ):
                command = ["python", str(project.root / "src" / script), *words, *own]
                output += project.run(*command, cwd=started_in)
            (folder / "output.txt").write_text(output)
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate()

    folder = share("by_hand", make)
    output = (folder / "output.txt").read_text()
    return ByHand(Project(folder / "project"), folder / "elsewhere", folder / "server", output)


def test_a_server_gets_the_runs_instead_of_the_projects_store(by_hand: ByHand) -> None:
    run = by_hand.run()
    assert run.info.status == "FINISHED"
    assert "test_accuracy" in run.data.metrics
    artifacts = {file.name for file in (by_hand.server / "artifacts").rglob("*")}
    assert {"mistakes.png", "model.keras"} <= artifacts
    assert not (by_hand.project.root / "mlflow.db").exists()


def test_a_run_by_hand_gives_the_bits_of_the_trial_with_another_number_of_threads(
    by_hand: ByHand, swept: Sweep
) -> None:
    run, trial = by_hand.run(), swept.best_trial()
    assert (run.data.tags["threads"], trial.data.tags["threads"]) == ("3", "1")
    assert run.data.params == trial.data.params
    assert run.data.tags["model_md5"] == trial.data.tags["model_md5"]
    assert run.data.metrics["test_loss"] == trial.data.metrics["test_loss"]


def test_a_run_by_hand_writes_where_it_is_started_and_leaves_dvcs_outputs_alone(by_hand: ByHand) -> None:
    scores = json.loads((by_hand.started_in / "scored/reports/metrics.json").read_text())
    assert scores["test_accuracy"] == by_hand.run().data.metrics["test_accuracy"]
    assert by_hand.project.changes() == ""
    assert by_hand.project.stale_stages() == []


def test_the_password_of_the_server_is_nowhere(by_hand: ByHand) -> None:
    assert "127.0.0.1" in by_hand.output  # the summary names the server
    assert PASSWORD not in by_hand.output
    files = [file for folder in (by_hand.server, by_hand.started_in) for file in folder.rglob("*")]
    assert any(file.name == "team.db" for file in files)
    assert [file for file in files if file.is_file() and PASSWORD.encode() in file.read_bytes()] == []
