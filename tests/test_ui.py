"""`make ui` in a real browser: Debian's chromium and chromium-driver."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from conftest import Project
from digits import tracking
from digits.data import Split
from digits.training import Epoch
from test_tracking import compose

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs Debian's packages chromium and chromium-driver",
)

OFFLINE = "--disable-background-networking --disable-component-update --disable-sync --disable-quic"


@pytest.fixture
def port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in f"--headless --no-sandbox --disable-gpu --no-first-run {OFFLINE}".split():
        options.add_argument(argument)
    options.add_argument("--window-size=1600,1200")
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def address(
    project: Project, port: int, monkeypatch: pytest.MonkeyPatch, make_split: Callable[[int], Split]
) -> Iterator[str]:
    """What `make ui` prints, on a store with two runs, while the server runs."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.store)
    for seed in (1, 2):
        with tracking.training_run(compose(seed=seed), {"train": make_split(20)}):
            for n in (1, 2, 3):
                tracking.log_epoch(Epoch(n, 0.9, 0.1, 0.8, 0.2, 0.05, 1.5))
            tracking.log_metrics({"test_accuracy": 0.95, "test_error": 5.0})
    command = ["python", "src/ui.py", str(port)]
    server = subprocess.Popen(
        command, cwd=project.root, env=project.environment, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"the runs are compared at (\S+)", line):
            yield found[1]
            break
    os.kill(server.pid, signal.SIGTERM)
    server.communicate(timeout=30)
    assert server.returncode == 130
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_printed_address_compares_the_runs_without_a_click(
    address: str, browser: webdriver.Chrome
) -> None:
    browser.get(address)
    names = [tracking.run_name(compose(seed=seed)) for seed in (1, 2)]
    wanted = {*names, "2 matching runs", "accuracy", "val_accuracy", "test_accuracy"}

    def shown(driver: webdriver.Chrome) -> bool:
        return all(text in driver.find_element(By.TAG_NAME, "body").text for text in wanted)

    WebDriverWait(browser, 60).until(shown, f"the page does not show {wanted}")
    charts = browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot")
    assert len(charts) >= 3


def test_a_port_in_use_is_refused_in_one_line(project: Project, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        output = project.run("python", "src/ui.py", str(port), code=1)
    assert output.startswith(f"error: PORT: something answers on port {port} already")
    assert output.count("\n") == 1
