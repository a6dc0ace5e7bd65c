"""Open pages in the browser of the person who gave the command."""

import os
import sys
import webbrowser


def open_page(address: str) -> None:
    """Open the page in a browser, if there is a desktop."""
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if display or sys.platform in ("darwin", "win32"):
        webbrowser.open(address)
