"""Sweeps on Ray: started by the sweep on this machine, and on a cluster that was started before."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra_plugins._trial_launcher import JobDiedError
from hydra_plugins.ray_launcher import RETRIES, RayLauncher
from project import Project
from servers.launched import SWEEP, by_seed, launched, statuses, wait_until
from support import free_port
from sweeps import sweep_runs

ON_RAY = "hydra/launcher=ray"
SECRET = "not-to-be-logged"


@contextlib.contextmanager
def node(project: Project, *words: str) -> Iterator[None]:
    """Start a node of a cluster with one processor. What it would record, it would record elsewhere."""
    command = ("ray", "start", "--block", "--num-cpus=1", "--object-store-memory=100000000", *words)
    elsewhere = {"MLFLOW_TRACKING_URI": f"sqlite:///{project.root.parent}/elsewhere.db"}
    no_reports = {"RAY_USAGE_STATS_ENABLED": "0"}
    with project.started(*command, environment=elsewhere | no_reports) as process:
        assert process.stdout
        line = process.stdout.readline()
        while "Ray runtime started" not in line:
            assert line, "the node did not start"
            line = process.stdout.readline()
        yield
        process.terminate()  # it ends its own children
        process.communicate()


@contextlib.contextmanager
def cluster(project: Project) -> Iterator[tuple[str, Path]]:
    """Start a cluster of two nodes. Yields its address, and the folder of its logs."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:  # whose name is short, as names of sockets must be
        head = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
        with node(project, *head), node(project, f"--address=127.0.0.1:{port}"):
            yield f"127.0.0.1:{port}", Path(folder)


def test_a_trial_whose_worker_is_killed_goes_on_in_another_one(project: Project) -> None:
    with launched(project, ON_RAY, "epochs=20", "seed=0,1", environment={}) as sweep:
        sweep.wait_for_epoch("0.log")
        sweep.kill(seed=0)
        output = sweep.end(0)
        assert "goes on after epoch" in sweep.output_of_trial("0.log")
        assert "goes on after epoch" not in sweep.output_of_trial("1.log")
    assert "(2 of 2 trials have ended, 0 of them failed)" in output
    assert "best by validation accuracy" in output
    parent, trials = sweep_runs(project)
    assert parent.info.status == "FINISHED"
    assert statuses(project) == dict.fromkeys("01", "FINISHED")
    assert {run.data.tags["threads"] for run in trials} == {"1"}


def test_a_cluster_records_where_the_sweep_does_and_outlives_an_interrupt(project: Project) -> None:
    with cluster(project) as (address, folder):
        words = (ON_RAY, f"hydra.launcher.address={address}", "epochs=40", "seed=0,1")
        environment = {"MLFLOW_TRACKING_PASSWORD": SECRET}
        with launched(project, *words, environment=environment) as sweep:
            for name in ("0.log", "1.log"):
                sweep.wait_for_epoch(name)
            output = sweep.interrupt()
        assert "2 running" in output  # one on each node
        assert "cancelling the trials" in output
        before = by_seed(project)
        parent, _ = sweep_runs(project)
        assert parent.info.status == "KILLED"
        # on a busy machine the other may be through when the later one has begun
        assert "KILLED" in set(statuses(project).values()) <= {"KILLED", "FINISHED"}

        with launched(project, *words, "resume=true", environment=environment) as sweep:
            sweep.end(0)
            assert "goes on after epoch" in sweep.output_of_trial("*.log")
        logs = [file for file in folder.rglob("*") if file.is_file()]
        assert [file for file in logs if file.name.startswith("worker-")]
        assert not [file for file in logs if SECRET.encode() in file.read_bytes()]
    parent, trials = sweep_runs(project)
    assert parent.info.status == "FINISHED"
    assert statuses(project) == dict.fromkeys("01", "FINISHED")
    assert {seed: run.info.run_id for seed, run in by_seed(project).items()} == {
        seed: run.info.run_id for seed, run in before.items()
    }
    assert {run.data.tags["threads"] for run in trials} == {"1"}


def test_a_worker_that_always_dies_an_error_and_a_cancelled_trial_are_three_ends(tmp_path: Path) -> None:
    def die() -> None:
        print("an attempt", flush=True)
        os.abort()

    def fail() -> None:
        raise ValueError("no module of this name")

    def last() -> None:
        print("begins", flush=True)
        try:
            while True:
                time.sleep(0.1)
        finally:
            print("ends", flush=True)

    jobs = RayLauncher(address=None, num_cpus=1, num_gpus=0, mem_gb=None).submit(
        [die, fail, lambda: sys.argv, last], tmp_path
    )
    try:
        results = {}

        def three_have_ended() -> bool:
            results.update(jobs.ended())
            return len(results) == 3

        wait_until(three_have_ended)
        wait_until((tmp_path / "3.log").exists)
        wait_until((tmp_path / "3.log").read_text)
        assert jobs.status() == "1 running"
        jobs.cancel()
        wait_until(lambda: "ends" in (tmp_path / "3.log").read_text())
    finally:
        jobs.close()
    assert isinstance(results[0], JobDiedError)
    assert str(results[0]).startswith("WorkerCrashedError: The worker died unexpectedly")
    assert str(results[0]).endswith(f"; see {tmp_path}/0.log")
    assert (tmp_path / "0.log").read_text().count("an attempt") == 1 + RETRIES
    assert isinstance(results[1], JobDiedError)
    assert str(results[1]) == f"ValueError: no module of this name; see {tmp_path}/1.log"
    assert isinstance(results[2], list)
    assert (tmp_path / "3.log").read_text() == "begins\nends\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("hydra.launcher.address=127.0.0.1:1", "hydra.launcher.address: no Ray at 127.0.0.1:1: "),
        ("hydra.launcher.num_cpus=1000", "hydra.launcher.num_cpus: is 1000, and this machine has "),
        ("hydra.launcher.num_gpus=1000", "hydra/launcher=ray: no node of Ray has what a trial asks for: "),
    ],
)
def test_where_no_trial_could_run_is_one_line(project: Project, words: str, complaint: str) -> None:
    output = project.run(*SWEEP, ON_RAY, words, "seed=0,1", code=1)
    assert output.startswith(f"error: {complaint}")
    assert output.count("\n") == 1
