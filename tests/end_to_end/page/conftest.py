"""A server with a champion, and a browser, for the tests of a module."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from selenium import webdriver

from browser import chromium
from copies import copy_trained
from page import OpenPage, Page, Server


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    profile = tmp_path_factory.mktemp("browser") / "chromium"
    with chromium(profile, 1280, 800, ("browser", "performance")) as driver:
        yield driver


@pytest.fixture(scope="module")
def server(
    browser: webdriver.Chrome,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    del browser  # without which the tests are skipped before anything is trained
    project = copy_trained(
        request.getfixturevalue("trained_template"), tmp_path_factory.mktemp("page") / "copy"
    )
    runs = sorted(project.runs(), key=lambda run: -run.data.metrics["val_accuracy"])
    project.run("python", "src/promote.py", runs[0].info.run_id)
    with project.serving() as (address, process):
        yield Server(address, project, runs)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "Traceback" not in output


@pytest.fixture
def open_page(browser: webdriver.Chrome, server: Server) -> OpenPage:
    """Return a function that opens the page on a screen."""
    return lambda screen: Page(browser, server.address, screen)
