"""Run the HTTP server of a model until it is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI

from digits.base import paths
from digits.base.errors import UserError
from digits.serving import app
from digits.serving.choice import Chosen
from digits.serving.current import Current
from digits.tracking import pages
from digits.tracking.address import tracking_uri

FOLLOW_SECONDS = 3  # between two questions for a new champion
SHUTDOWN_SECONDS = 10  # in which what has begun is finished
BACKLOG = 128  # connections that wait to be accepted
MOST_CONNECTIONS = 256
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(current: Current, host: str, port: int) -> None:
    """Answer on `host` and `port` until the process is interrupted; then finish what has begun.

    Raises UserError if the address cannot be used.
    """
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}"
    print(f"answers with {current.chosen}")
    print(f"draw at {address}, see its interface at {address}/docs; Ctrl-C ends it", flush=True)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(_follow(current))
        yield
        following.cancel()

    config = uvicorn.Config(
        app.build(current, paths.ROOT, run_url, lifespan, LOOPBACK if host in LOOPBACK else None),
        log_level="warning",
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    logging.getLogger("mlflow.pyfunc.scoring_server").setLevel("ERROR")  # it warns of each odd request
    with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again after it has ended in order
        uvicorn.Server(config).run([listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once only if the protocol is named: otherwise each waits for 40 ms
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"port: cannot listen on {host}, port {port}: {reason}; name another one") from None
    return listening


async def _follow(current: Current) -> None:
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        await asyncio.to_thread(current.follow)


def run_url(chosen: Chosen) -> str | None:
    """Return the page of the model's run on the tracking server, or in `make ui` if that runs, or None."""
    in_database = not tracking_uri().startswith("http")
    if chosen.run_id is None or (in_database and not pages.answers(pages.UI_PORT)):
        return None
    return pages.run(pages.server(), chosen.run_id)
