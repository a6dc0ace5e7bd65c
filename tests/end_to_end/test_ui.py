"""`make ui` in a real browser: Debian's chromium and chromium-driver."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from conftest import Project
from digits import parents, store, tracking
from digits.comparison import fold
from digits.data import Split
from digits.training import Epoch
from test_tracking import compose

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs Debian's packages chromium and chromium-driver",
)

CHART = (By.CSS_SELECTOR, ".js-plotly-plot")
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
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_split: Callable[[int], Split]) -> str:
    """The id of a sweep with two trials, in a store that has one other run."""

    def record(seed: int) -> None:
        with tracking.training_run(compose(seed=seed), {"train": make_split(20)}):
            for n in (1, 2, 3):
                tracking.log_epoch(Epoch(n, 0.9, 0.1, 0.8, 0.2, 0.05, 1.5))
            tracking.log_metrics({"test_accuracy": 0.95, "test_error": 5.0})

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    record(seed=0)
    with parents.sweep_run("seed=1,2", resume=False) as sweep_id:
        record(seed=1)
        record(seed=2)
        (group,) = fold(parents.trials(sweep_id, "attributes.status = 'FINISHED'"))
        parents.describe_sweep("| rank | seconds |\n|---|---|\n| the first | 4.5 |\n", group)
    return sweep_id


@pytest.fixture
def start(project: Project, port: int) -> Iterator[Callable[..., str]]:
    """A starter of ui.py, once, that gives the address it prints; it is stopped at the end."""
    servers = []

    def start(*words: str) -> str:
        command = ["python", "src/ui.py", str(port), *words]
        environment = project.environment | {"MLFLOW_TRACKING_URI": os.environ["MLFLOW_TRACKING_URI"]}
        server = subprocess.Popen(
            command, cwd=project.root, env=environment, stdout=subprocess.PIPE, text=True
        )
        servers.append(server)
        assert server.stdout is not None
        found = (re.search(r"the runs are compared at (\S+)", line) for line in server.stdout)
        return next(match[1] for match in found if match)

    yield start
    (server,) = servers
    os.kill(server.pid, signal.SIGTERM)
    server.communicate(timeout=30)
    assert server.returncode == 130
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def follow(browser: webdriver.Chrome, link: str) -> None:
    """Click on it once it is there, which may be later than its text in a chart."""

    def click(driver: webdriver.Chrome) -> bool:
        driver.find_element(By.LINK_TEXT, link).click()
        return True

    WebDriverWait(browser, 60, ignored_exceptions=(StaleElementReferenceException,)).until(click)


def wait_for(browser: webdriver.Chrome, *wanted: str) -> str:
    """What the page says when it says all that is wanted."""

    def text(driver: webdriver.Chrome) -> str:
        said = driver.find_element(By.TAG_NAME, "body").text
        return said if all(words in said for words in wanted) else ""

    return WebDriverWait(browser, 60, ignored_exceptions=[StaleElementReferenceException]).until(
        text, f"the page does not show {wanted}"
    )


@pytest.mark.parametrize("of_sweep", [False, True])
def test_the_printed_address_compares_the_runs_without_a_click(
    sweep: str, start: Callable[..., str], browser: webdriver.Chrome, of_sweep: bool
) -> None:
    browser.get(start(sweep) if of_sweep else start())
    seeds = (1, 2) if of_sweep else (0, 1, 2)
    names = [tracking.run_name(compose(seed=seed)) for seed in seeds]
    curves = [f"{name} (accuracy)" for name in names]
    said = wait_for(
        browser, *names, *curves, f"{len(seeds)} matching runs", "accuracy", "val_accuracy", "test_accuracy"
    )
    assert "best_" not in said  # the parent's, whose charts would come first
    WebDriverWait(browser, 60).until(lambda driver: len(driver.find_elements(*CHART)) >= 3)


def test_a_trial_leads_to_its_sweep_and_the_ranking_there(
    sweep: str, start: Callable[..., str], browser: webdriver.Chrome
) -> None:
    browser.get(start(sweep))
    name = tracking.run_name(compose(seed=1))
    wait_for(browser, name)
    follow(browser, name)
    wait_for(browser, "Parent run", "sweep seed=1,2")
    follow(browser, "sweep seed=1,2")
    WebDriverWait(browser, 60).until(lambda driver: sweep in driver.current_url)
    wait_for(browser, "sweep seed=1,2", "the first")
    cells = browser.find_elements(By.CSS_SELECTOR, "td")
    assert "the first" in [cell.text for cell in cells]


def test_a_sweep_that_was_really_run_is_compared(
    project: Project, start: Callable[..., str], browser: webdriver.Chrome, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("dvc", "repro", "preprocess")
    project.run("python", "src/experiment.py", "-m", "model=tutorial,compact")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.store)
    trials = store.search("params.model != ''")
    assert len(trials) == 2
    browser.get(start(trials[0].tags["sweep"]))
    curves = [f"{trial.name} (val_accuracy)" for trial in trials]
    # a bar's label is the percentage that the trial got wrong
    errors = [f"{trial.metrics['test_error']:.2f}".rstrip("0").rstrip(".") for trial in trials]
    wait_for(browser, *(trial.name for trial in trials), *curves, *errors, "test_accuracy", "2 matching runs")
    follow(browser, trials[0].name)
    wait_for(browser, "Parent run", "sweep model=tutorial,compact")


def test_a_port_in_use_is_refused_in_one_line(project: Project, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        output = project.run("python", "src/ui.py", str(port), code=1)
    assert output.startswith(f"error: PORT: something answers on port {port} already")
    assert output.count("\n") == 1
