"""A copy of the project in a git repository of its own, to run its commands in."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from mlflow import MlflowClient
from mlflow.entities import Run

from digits.base.paths import NAME
from digits.tracking.pages import answers

STAGES = ("fetch", "preprocess", "train", "evaluate")
IDENTITY = {
    f"GIT_{role}_{part}": "test@localhost" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
}
SET_ELSEWHERE = (
    *("HYDRA_FULL_ERROR", "MLFLOW_TRACKING_URI"),  # by commands and MLflow in this process
    *("MAKEFLAGS", "MAKELEVEL", "MFLAGS"),  # by `make test`
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
)
LONGEST = 240  # seconds that a command may take


class Project:
    """A copy of the project, and what its commands, DVC and MLflow say about it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = f"sqlite:///{root / 'mlflow.db'}"
        self.environment = os.environ | IDENTITY
        self.environment |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(root.parent / "home"),  # where neither git nor DVC is configured
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        for name in SET_ELSEWHERE:
            self.environment.pop(name, None)

    def run(
        self,
        *command: str,
        code: int = 0,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Return what the command prints to both streams. Its exit code must be `code`."""
        done = subprocess.run(command, timeout=LONGEST, **self._place(cwd, environment))
        output: str = done.stdout
        assert done.returncode == code, output
        return output

    @contextlib.contextmanager
    def started(
        self, *command: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Start the command with both streams in one pipe. What is left of it at the end is killed."""
        process = subprocess.Popen(
            command,
            **self._place(cwd, environment),
            start_new_session=True,  # so that its own children can be found at the end
            # a shell's background commands ignore it, and so would this one
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        end = threading.Timer(LONGEST, process.kill)
        end.start()
        try:
            yield process
        finally:
            end.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout:
                process.stdout.close()

    def _place(self, cwd: Path | None, environment: Mapping[str, str] | None) -> dict[str, Any]:
        """Return what every command is started with: its folder, its environment, and one pipe for both
        streams."""
        return {
            "cwd": cwd or self.root,
            "env": self.environment | dict(environment or {}),
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    @contextlib.contextmanager
    def server(self, folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
        """Start a tracking server with its store in `folder`, and wait until it answers."""
        command = ["mlflow", "server", "--workers", "1", "--port", str(port)]
        command += ["--backend-store-uri", f"sqlite:///{folder / 'team.db'}"]
        command += ["--artifacts-destination", str(folder / "artifacts")]
        no_jobs = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # as make ui does
        with self.started(*command, cwd=folder, environment=no_jobs) as process:
            while not answers(port):
                assert process.poll() is None
                time.sleep(0.2)
            yield process

    @contextlib.contextmanager
    def serving(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """Start src/serve.py on a free port. Yields its address and the process."""
        command = ("python", "src/serve.py", "--port", "0", *words)
        with self.started(*command, environment=environment) as process:
            assert process.stdout
            lines = [process.stdout.readline(), process.stdout.readline()]
            address = re.search(r"draw at (http://127\.0\.0\.1:\d+)", lines[1])
            assert address, "".join(lines) + process.stdout.read()
            yield address[1], process

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace the first `old` in a file, which must be there."""
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new, 1))

    def set_param(self, key: str, value: str) -> None:
        """Set a key of params.yaml, whatever it is now."""
        file = self.root / "params.yaml"
        file.write_text(re.sub(rf"(?m)^{key}: \S+", f"{key}: {value}", file.read_text()))

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "state")

    def changes(self) -> str:
        """Return what differs from the last commit, according to git."""
        return self.run("git", "status", "--porcelain")

    def stale_stages(self) -> list[str]:
        """Return the stages whose own dependencies, parameters or outputs changed, according to DVC."""
        with Repo(str(self.root)) as repo:
            changed = {name.rpartition(":")[2] for name in repo.status()}  # without the path of dvc.yaml
        return [stage for stage in STAGES if stage in changed]

    def ignored_by_dvc(self, files: Collection[Path]) -> set[Path]:
        """Return the files that .dvcignore excludes. All are relative to the root."""
        with Repo(str(self.root)) as repo:
            return {file for file in files if repo.dvcignore.is_ignored_file(str(self.root / file))}

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.store)

    def runs(self, filter_string: str = "") -> list[Run]:
        """Return the recorded runs that MLflow's search syntax selects, newest first."""
        return find_runs(self.client, filter_string)

    def points(self, run: Run, metric: str) -> list[tuple[int, float]]:
        """Return the step and the value of a recorded metric at every step."""
        history: Any = self.client.get_metric_history(run.info.run_id, metric)
        return [(point.step, point.value) for point in history]

    def artifacts(self, run: Run) -> set[str]:
        """Return the names of the files and folders that were recorded with the run."""
        return {file.path for file in self.client.list_artifacts(run.info.run_id)}


def find_runs(client: MlflowClient, filter_string: str = "") -> list[Run]:
    """Return the runs that MLflow's search syntax selects, newest first."""
    experiment = client.get_experiment_by_name(NAME)
    if experiment is None:
        return []
    order = ["attributes.start_time DESC"]
    return list(client.search_runs([experiment.experiment_id], filter_string, order_by=order))


def stages_run(output: str) -> list[str]:
    """Return the stages that DVC ran, according to what it printed."""
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]


def read_until(process: subprocess.Popen[str], *wanted: str) -> str:
    """Return what the process prints until each of `wanted` has come, one after the other."""
    assert process.stdout is not None
    seen, left = "", list(wanted)
    while left:
        line = process.stdout.readline()
        assert line, f"{left[0]!r} did not come after:\n{seen}"
        seen += line
        if left[0] in line:
            del left[0]
    return seen
