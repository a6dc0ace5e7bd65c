"""Run servers, and send them requests from many clients at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import psutil

from digits.base.paths import ROOT

PATIENCE = 120  # seconds until a server must answer


@dataclasses.dataclass(frozen=True)
class Server:
    """A server that runs, and how long it took until it answered."""

    port: int
    process: subprocess.Popen[bytes]
    seconds_to_start: float

    def megabytes(self) -> float:
        main = psutil.Process(self.process.pid)
        sizes = (each.memory_full_info().pss for each in [main, *main.children(recursive=True)])
        return float(sum(sizes)) / 1e6


@dataclasses.dataclass(frozen=True)
class Load:
    """What a row of the table asks of a server."""

    name: str
    path: str
    kind: str
    body: bytes


@contextlib.contextmanager
def running(port: int, command: Sequence[str]) -> Iterator[Server]:
    """Run a server until the end of the block."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while asyncio.run(status(port)) != 200:
            if process.poll() is not None or time.perf_counter() - start > PATIENCE:
                raise SystemExit(f"error: does not answer: {' '.join(command)}")
            time.sleep(0.05)
        yield Server(port, process, time.perf_counter() - start)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


async def status(port: int) -> int:
    """Return the status of /ping, or 0 if nobody answers."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        line = await reader.readline()
        writer.close()
        return int(line.split()[1])
    except (OSError, IndexError):
        return 0


async def seconds_of_requests(
    port: int, load: Load, clients: int, requests: int
) -> tuple[list[float], float]:
    """Send `requests` of `clients` at the same time. Return the seconds of each, and of all."""
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {load.kind}\r\n"
        f"Content-Length: {len(load.body)}\r\n\r\n"
    )
    message, seconds, left = head.encode() + load.body, [], requests

    async def client() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left > 0:
            left -= 1
            start = time.perf_counter()
            writer.write(message)
            answer = await reader.readuntil(b"\r\n\r\n")
            if answer.split()[1] != b"200":
                raise SystemExit(f"error: {load.path} answered {answer.splitlines()[0].decode()}")
            headers = dict(line.lower().split(b": ", 1) for line in answer.splitlines()[1:] if b": " in line)
            await reader.readexactly(int(headers[b"content-length"]))
            seconds.append(time.perf_counter() - start)
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return seconds, time.perf_counter() - start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
