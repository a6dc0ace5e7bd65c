"""A proxy in front of a tracking server, with the faults that real ones have."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("refuses", "error 500", "hangs", "drips", "login page", "loses the answer")
LOGIN = b"<html><form>user <input> password <input></form></html>"
DRIP_SECONDS = 6  # for a whole answer


class FaultyProxy:
    """Passes requests to 127.0.0.1:`server`, or has a `fault` while that is set. `faults` counts requests
    that met it."""

    def __init__(self, server: int) -> None:
        self.server, self.fault, self.faults = server, "", 0
        self.ended = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self) -> None:
                proxy.answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, request: Any) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        fault = self.fault
        self.faults += bool(fault)
        if fault == "refuses":
            self._break_off(request)
        elif fault == "hangs":
            self.ended.wait(60)
            self._break_off(request)
        elif fault == "error 500":
            self._send(request, 500, {}, b"Internal Server Error")
        elif fault == "login page":
            self._send(request, 200, {"Content-Type": "text/html"}, LOGIN)
        else:
            status, headers, content = self._passed_on(request, body)
            if fault == "loses the answer":
                self._break_off(request)
            else:
                self._send(request, status, headers, content, slowly=fault == "drips")

    def _passed_on(self, request: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server, timeout=60)
        with contextlib.closing(connection):
            connection.request(request.command, request.path, body, dict(request.headers))
            response = connection.getresponse()
            headers = {"Content-Type": response.getheader("Content-Type") or "application/json"}
            return response.status, headers, response.read()

    def _send(
        self, request: Any, status: int, headers: dict[str, str], content: bytes, slowly: bool = False
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if slowly and content:
            step = max(1, len(content) // (2 * DRIP_SECONDS))
            for first in range(0, len(content), step):
                request.wfile.write(content[first : first + step])
                request.wfile.flush()
                time.sleep(0.5)
        else:
            request.wfile.write(content)

    def _break_off(self, request: Any) -> None:
        request.close_connection = True
        with contextlib.suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def faulty_proxy(server: int) -> Iterator[FaultyProxy]:
    """Run a proxy in front of the port `server` of this machine."""
    proxy = FaultyProxy(server)
    thread = threading.Thread(target=proxy.http.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.ended.set()
        proxy.http.shutdown()
        proxy.http.server_close()
        thread.join()
