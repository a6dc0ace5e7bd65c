"""Start `mlflow ui` and say at which address the runs are compared: python src/ui.py 5000 [SWEEP]"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser

import entry_point


def main(port: int, sweep: str = "") -> int:
    """The exit status of the server, which runs until it is interrupted. With the id of a `sweep`, its
    trials are compared, and no other runs."""
    from digits import store

    uri = store.uri()
    if uri.startswith("http"):
        print(f"the runs are compared at {store.comparison(uri, sweep)}")
        return 0
    if answers(port):
        sys.exit(f"error: PORT: something answers on port {port} already; try make ui PORT={port + 1}")
    address = store.comparison(f"http://127.0.0.1:{port}", sweep)
    command = ["mlflow", "ui", "--workers", "1", "--backend-store-uri", uri, "--port", str(port)]
    # a session of its own, since the server starts processes that would outlive it
    server = subprocess.Popen([sys.executable, "-m", *command], start_new_session=True)
    try:
        while server.poll() is None and not answers(port):
            time.sleep(0.2)
        if server.poll() is None:
            print(f"\nthe runs are compared at {address}\n", flush=True)
            if has_desktop():
                webbrowser.open(address)
        return server.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def has_desktop() -> bool:
    return sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ))


if __name__ == "__main__":
    entry_point.quiet()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
