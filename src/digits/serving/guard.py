"""Keep browsers from doing what the page was not made for, and say so with every answer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST = 200  # letters of a reason
OWN = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'"
# FastAPI writes scripts into the page /docs
DOCS = f"{OWN}; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"


class Guard:
    """Refuses what pages of other hosts send, and sends headers that let a page load nothing from them. With
    `hosts`, only these names of this server are answered: another one could be the name of a page's own host
    that leads here."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if problem := self._problem(headers.get("host", ""), headers.get("origin")):
            await JSONResponse({"error": problem[:LONGEST]}, 403)(scope, receive, send)
            return
        policy = DOCS if scope["path"] == "/docs" else OWN

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered: Any = MutableHeaders(scope=message)
                answered["Content-Security-Policy"] = policy
                answered["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _problem(self, host: str, origin: str | None) -> str | None:
        try:
            name, page = urlsplit(f"//{host}").hostname, urlsplit(origin or f"//{host}").netloc
        except ValueError:
            return "Host and Origin are no addresses"
        if self._hosts is not None and name not in self._hosts:
            return f"the server is not called {host}"
        return f"requests of pages at {origin} are refused" if page != host else None
