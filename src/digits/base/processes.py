"""Tell which process records a run, so that the runs of processes that are gone can be ended. On Linux."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path


def this_process() -> dict[str, str]:
    """Return tags that identify this process: the machine, its start, the process, and the start of that."""
    machine = _read("/etc/machine-id")[:8]
    tags = {
        "host": "-".join(filter(None, (socket.gethostname(), machine))),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "process": str(os.getpid()),
        "process_start": start(os.getpid()),
    }
    # processes of two containers can have the same number
    with contextlib.suppress(OSError):
        tags["process_numbers"] = str(Path("/proc/self/ns/pid").readlink())
    return tags


def processors() -> int:
    """Return how many processors this process may use: those that the system lets it run on, but no more than
    Slurm granted to a job, which a cluster without task/affinity or cgroups does not enforce."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, int(os.environ.get("SLURM_CPUS_PER_TASK") or here))


def exit_with(parent: int) -> None:
    """Exit within a second after the parent process has ended: a worker of joblib whose parent was killed may
    wait for it for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def is_gone(tags: Mapping[str, str]) -> bool:
    """Return whether the process that these tags identify has certainly ended."""
    here = this_process()
    if not here["boot"] or tags.get("host") != here["host"] or "process" not in tags:
        return False
    if tags.get("boot") != here["boot"]:
        return True
    if tags.get("process_numbers") != here.get("process_numbers"):
        return False
    return start(int(tags["process"])) != tags.get("process_start")


def runner_of_stage() -> int | None:
    """Return the number of the DVC process that runs this one as a stage, or None."""
    process = os.getpid()
    while process and b"DVC_STAGE=" in _environment(process):
        process = _parent(process)
    return None if process in (0, os.getpid()) else process


def _environment(process: int) -> bytes:
    """Return the environment that the process was started with."""
    try:
        return Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return b""


def _parent(process: int) -> int:
    return int(([*_stat(process), "0", "0"])[1])


def start(process: int) -> str:
    """Return when the process started, in clock ticks since the start of the machine, or an empty string if
    it has ended."""
    state, *fields = _stat(process) or ["Z"]
    return "" if state in "XZ" else fields[18]


def _stat(process: int) -> list[str]:
    """Return the state of the process, the number of its parent, and so on, as proc(5) lists them."""
    return _read(f"/proc/{process}/stat").rpartition(")")[2].split()


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
