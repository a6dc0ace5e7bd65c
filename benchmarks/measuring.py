"""What the benchmarks share: the presets, a clone to work in, and measurements of commands."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digits.tracking.records import Record

ROOT = Path(__file__).resolve().parents[1]
PRESETS = {  # as Hydra overrides
    "tutorial": ("model=tutorial", "recipe=tutorial"),
    "sprint": ("model=small", "recipe=sprint"),
    "default": (),  # what params.yaml says
    "best": ("model=best", "recipe=long"),
}


@dataclasses.dataclass(frozen=True)
class Usage:
    """What a finished command used: `wall` and `processor` time in seconds, and `peak` memory in bytes, which
    Linux never counts as less than that of the process that started it."""

    wall: float
    processor: float
    peak: int


class Clone:
    """The last commit of this checkout in a folder of its own, with a store of its own. What it runs imports
    its own code."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.root)], check=True)
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "src"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.root / 'mlflow.db'}?timeout=60",
            "DVC_NO_ANALYTICS": "true",
        }
        raw = ROOT / "data/raw"
        if raw.exists():
            self.environment.setdefault("DIGITS_MIRROR", str(raw))

    def run(self, *command: str) -> tuple[Usage, str]:
        """Return what the command and the processes that it started used, and what it printed. Exits if it
        fails."""
        if command[0] == "python":
            command = (sys.executable, *command[1:])
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=self.root, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            output = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()  # an interrupt need not have reached it
            raise
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"error: {' '.join(command)} failed:\n{output[-2000:]}")
        return Usage(wall, used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss), output

    def newest_runs(self, count: int) -> list[Record]:
        """Return the newest `count` runs in its store. From then on it is also the store of this process."""
        from digits.tracking import store

        os.environ["MLFLOW_TRACKING_URI"] = self.environment["MLFLOW_TRACKING_URI"]
        return store.search(limit=count)


@contextlib.contextmanager
def clone() -> Iterator[Clone]:
    """Yield a clone in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield Clone(Path(folder))


def epoch_seconds(checkout: Path, images: int, *overrides: str) -> list[float]:
    """Return the seconds of each epoch but the first, in which TensorFlow traces the network, of a training
    by the library in `checkout`. It runs in a process of its own. Exits if that fails."""
    command = [sys.executable, str(checkout / "benchmarks/epoch_seconds.py"), str(images), *overrides]
    environment = os.environ | {"PYTHONPATH": str(checkout / "src")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)} failed with the library in {checkout}")
    seconds: list[float] = json.loads(done.stdout.rstrip().split("\n")[-1])
    return seconds[1:]


def machine() -> str:
    """Return the name of the processor, how many there are, and the versions that matter."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    packages = ", ".join(f"{p} {version(p)}" for p in ("tensorflow", "keras", "mlflow", "dvc"))
    return f"{name}, {os.cpu_count()} processors; Python {platform.python_version()}, {packages}"


def spread(values: Sequence[float]) -> str:
    """Return the median and the range, to two digits."""
    middle, low, high = (
        f"{value:.{2 if value >= 0.1 else 3}f}"
        for value in (statistics.median(values), min(values), max(values))
    )
    return f"{middle} ({low} to {high})"
