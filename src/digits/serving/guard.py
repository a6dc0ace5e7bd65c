"""Keep browsers from doing what the page was not made for, and say so with every answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN = "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'"
# FastAPI writes scripts into the page /docs
DOCS = f"{OWN}; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"


class Guard:
    """Refuses what pages of other hosts send, and sends headers that let a page load nothing from them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            refusal = JSONResponse({"error": f"requests of pages at {origin[:100]} are refused"}, 403)
            await refusal(scope, receive, send)
            return
        policy = DOCS if scope["path"] == "/docs" else OWN

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered: Any = MutableHeaders(scope=message)
                answered["Content-Security-Policy"] = policy
                answered["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_with_headers)
