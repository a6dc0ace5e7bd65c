"""What the benchmarks share: a clone to work in, and the operating system's account of a command."""

from __future__ import annotations

import contextlib
import dataclasses
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

ROOT = Path(__file__).resolve().parents[1]
IN_PLACE = ("hydra.run.dir=.", "hydra.output_subdir=null")


@dataclasses.dataclass(frozen=True)
class Usage:
    """What the operating system says of a finished process: seconds, and bytes at the peak."""

    wall: float
    processor: float
    peak: int


class Clone:
    """The last commit in a folder of its own, with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.root)], check=True)
        raw = ROOT / "data/raw"
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.root / 'mlflow.db'}",
            "DVC_NO_ANALYTICS": "true",
        }
        if raw.exists():
            self.environment.setdefault("DIGITS_MIRROR", str(raw))

    def run(self, *command: str) -> tuple[Usage, str]:
        """The usage of the command and of what it started, and what it printed. Exits where it fails."""
        if command[0] == "python":
            command = (sys.executable, *command[1:])
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=self.root, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"error: {' '.join(command)} failed:\n{output[-2000:]}")
        return Usage(wall, used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss), output


@contextlib.contextmanager
def clone() -> Iterator[Clone]:
    with tempfile.TemporaryDirectory() as folder:
        yield Clone(Path(folder))


def machine() -> str:
    """The processor's name, how many of it, and the versions that matter."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    packages = ", ".join(f"{p} {version(p)}" for p in ("tensorflow", "keras", "mlflow", "dvc"))
    return f"{name}, {os.cpu_count()} processors; Python {platform.python_version()}, {packages}"


def spread(values: Sequence[float]) -> str:
    """The median and the range, to two digits."""
    middle, low, high = (
        f"{value:.{2 if value >= 0.1 else 3}f}"
        for value in (statistics.median(values), min(values), max(values))
    )
    return f"{middle} ({low} to {high})"
