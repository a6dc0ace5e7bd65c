"""Debian's Chromium without a window, driven by Selenium."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

# Without a window there is no mouse, and pages would be shown as on a touch screen.
MOUSE = "primaryPointerType=4,availablePointerTypes=4,primaryHoverType=2,availableHoverTypes=2"
OFFLINE = "--disable-background-networking --disable-component-update --disable-sync --disable-quic"


@contextlib.contextmanager
def chromium(
    profile: Path, width: int, height: int, logs: Collection[str] = (), offline: bool = False
) -> Iterator[webdriver.Chrome]:
    """Provide a browser with an empty profile, which records all levels of `logs`. If it is `offline`, it
    finds no host. Skip the test if there is none."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in f"--headless --no-sandbox --disable-gpu --no-first-run {OFFLINE}".split():
        options.add_argument(argument)
    options.add_argument(f"--blink-settings={MOUSE}")
    options.add_argument(f"--window-size={width},{height}")
    if offline:
        options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", dict.fromkeys(logs, "ALL"))
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()
