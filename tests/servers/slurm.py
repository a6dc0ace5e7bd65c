"""A Slurm cluster of one node on this machine, of Debian's package. It must be started by root."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from support import free_port

PROCESSORS, MEMORY = 2, 16_000  # in MB; a process that forks counts twice for a moment
CONFIGURATION = """
ClusterName=digits
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin={task_plugin}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=6000
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
KillWait=20
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A cluster that runs, without accounting: sacct knows nothing."""

    def __init__(self, configuration: Path) -> None:
        self.environment = {"SLURM_CONF": str(configuration)}

    def run(self, *command: str) -> str:
        """Return what one of Slurm's commands prints."""
        done = subprocess.run(
            command, env=os.environ | self.environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    def queue(self) -> dict[str, str]:
        """Return the state of each job that waits, runs or is about to end."""
        lines = self.run("squeue", "--noheader", "--array", "--format=%i %T").splitlines()
        return {job: state for job, state in map(str.split, lines)}

    def is_ready(self) -> bool:
        """Return whether the node takes jobs."""
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.run("sinfo", "--noheader", "--format=%T").strip() == "idle"
        return False


@contextlib.contextmanager
def started_slurm(task_plugin: str) -> Iterator[Slurm]:
    """Start a cluster with its state in a temporary folder, on free ports of this machine. The `task_plugin`
    task/affinity binds a job to the processors that it was granted, and task/none does not."""
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o711)  # munged wants everybody to reach its socket
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        configuration = folder / "slurm.conf"
        configuration.write_text(
            CONFIGURATION.format(
                host=socket.gethostname().partition(".")[0],
                control=free_port(),
                node=free_port(),
                folder=folder,
                task_plugin=task_plugin,
                processors=PROCESSORS,
                memory=MEMORY,
            )
        )
        slurm = Slurm(configuration)
        environment = os.environ | slurm.environment
        log = stack.enter_context((folder / "log").open("w"))

        def start(*command: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
            stack.callback(_stop, process)
            return process

        files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "log", "pid", "seed")]
        processes = [start("munged", "--foreground", f"--socket={folder}/munge.socket", *files)]
        _wait_until((folder / "munge.socket").exists, processes, folder)
        processes += [start("slurmctld", "-D"), start("slurmd", "-D")]
        _wait_until(slurm.is_ready, processes, folder)
        yield slurm


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until(ready: Callable[[], bool], processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
    """Return when the cluster is ready. Fails with its log if one of its processes has ended."""
    while not ready():
        ended = [process.args for process in processes if process.poll() is not None]
        assert not ended, (folder / "log").read_text()
        time.sleep(0.1)
