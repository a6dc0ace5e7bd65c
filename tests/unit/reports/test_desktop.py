"""When a page is opened in a browser."""

import sys
import webbrowser

import pytest

from digits.reports.desktop import open_page


@pytest.mark.parametrize(
    ("platform", "variable", "opened"),
    [
        ("linux", "", []),
        ("linux", "DISPLAY", ["file:///page"]),
        ("linux", "WAYLAND_DISPLAY", ["file:///page"]),
        ("darwin", "", ["file:///page"]),
    ],
)
def test_a_page_is_opened_only_on_a_desktop(
    monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, opened: list[str]
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(webbrowser, "open", seen.append)
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.setenv(name, ":0" if name == variable else "")
    open_page("file:///page")
    assert seen == opened
