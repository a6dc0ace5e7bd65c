"""Which process records a run, and whether it is gone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import mlflow
import pytest

from digits.base import processes
from digits.base.processes import is_gone, this_process
from digits.tracking import runs, store
from digits.tracking.opening import open_store
from support import ROOT, recorded_runs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits until its standard input is closed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def tags_of(child: subprocess.Popen[bytes]) -> dict[str, str]:
    start = processes.start(child.pid)
    return this_process() | {"process": str(child.pid), "process_start": start}


def test_this_process_is_there() -> None:
    assert all(this_process().values())
    assert not is_gone(this_process())


def test_a_process_is_gone_once_it_is_killed_whether_or_not_it_was_waited_for(
    child: subprocess.Popen[bytes],
) -> None:
    tags = tags_of(child)
    assert not is_gone(tags)
    child.kill()
    while processes._read(f"/proc/{child.pid}/stat").rpartition(")")[2].split()[0] != "Z":
        pass  # until the kernel has ended it
    assert is_gone(tags)
    child.wait()
    assert is_gone(tags)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"process_start": "1"}, True),  # another process has its number now
        ({"boot": "an earlier one"}, True),
        ({"host": "another", "boot": "another"}, False),
        ({"process_numbers": "of another container", "process": "1", "process_start": "1"}, False),
    ],
)
def test_only_a_process_of_this_machine_is_known_to_be_gone(changes: dict[str, str], gone: bool) -> None:
    assert is_gone(this_process() | changes) == gone


def test_a_run_without_these_tags_is_not_judged() -> None:
    assert not is_gone({})


@pytest.mark.usefixtures("recording")
def test_the_next_command_ends_the_runs_of_processes_that_are_gone(
    child: subprocess.Popen[bytes],
) -> None:
    store.use()
    client = mlflow.MlflowClient()
    with runs.run("alive") as alive:
        left, of_child = (client.create_run(store.use(), tags=tags_of(child)) for _ in range(2))
        client.set_terminated(of_child.info.run_id, "FINISHED")
        elsewhere = client.create_run(store.use(), tags=tags_of(child) | {"host": "another"})
        child.kill()
        child.wait()
        open_store()
        status = {run.info.run_id: run.info.status for run in recorded_runs()}
    assert status == {
        alive.run_id: "RUNNING",
        left.info.run_id: "KILLED",
        of_child.info.run_id: "FINISHED",
        elsewhere.info.run_id: "RUNNING",
    }
    assert client.get_run(left.info.run_id).data.tags["error"] == "its process was killed"


def test_a_worker_exits_when_its_parent_was_killed() -> None:
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    worker = """
import os, time
from digits.base.processes import exit_with
exit_with(os.getppid())
print(os.getpid(), flush=True)
time.sleep(60)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", parent, worker]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        number = int(process.stdout.readline())
        process.kill()
    deadline = time.monotonic() + 30
    while processes.start(number) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not processes.start(number)
