"""The pages to which src/ui.py leads, in a real browser: Debian's chromium and chromium-driver."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from browser import chromium
from digits.base.paths import NAME
from digits.learning.history import Epoch
from digits.reports import ui
from digits.reports.ranking import rank
from digits.search import trials
from digits.tracking import pages, runs
from project import read_until
from support import MakeSplit, free_port, make_request, make_splits
from sweeps import Sweep, sweep_runs

CHART = (By.CSS_SELECTOR, ".js-plotly-plot")
WIDER_THAN_ITS_PLACE = """
return [...document.querySelectorAll("main *, #root *")].some(element =>
    ["auto", "scroll"].includes(getComputedStyle(element).overflowX)
    && element.clientWidth > 600 && element.scrollWidth > element.clientWidth + 50)
"""
PRINTED = re.compile(r"the runs are compared at (\S+)")
SYSTEM_METRIC = "system/cpu_utilization_percentage"  # which is only recorded on demand
SYNTHETIC = "synthetic"  # the experiment that is not recorded by commands


@dataclasses.dataclass(frozen=True)
class Server:
    """The server, on a store with the runs of a real sweep and, in another experiment, some without training.
    `printed` is the address that `make ui` printed for the sweep of these, when it started the server."""

    port: int
    printed: str
    synthetic_sweep: str
    store: str

    def address(self, experiment: str, sweep: str = "") -> str:
        """Return the address that src/ui.py prints now that the server runs."""
        output = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
            patch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{self.port}")
            patch.setenv("MLFLOW_EXPERIMENT_NAME", experiment)
            assert ui.show(self.port, sweep) == 0
        (address,) = PRINTED.findall(output.getvalue())
        return str(address)


def name(seed: int) -> str:
    return runs.run_name(make_request(f"seed={seed}"))


def record(make_split: MakeSplit) -> str:
    """Record a run, and a sweep of two more. Return the id of the sweep."""

    def record_run(seed: int, parent: str | None = None) -> None:
        request = make_request(f"seed={seed}").with_options(parent_run=parent)
        with runs.training_run(request, make_splits(train=make_split(20)), {"threads": "2"}) as recorded:
            for n in (1, 2, 3):
                recorded.log_epoch(Epoch(n, 0.9, 0.1, 0.8, 0.8, 0.2, 0.05, 1.5))
            recorded.log_metrics({"test_accuracy": 0.95, "test_error_percent": 5.0, SYSTEM_METRIC: 50})

    record_run(0)
    with trials.sweep_run("seed=1,2", resume=False) as sweep:
        record_run(1, sweep.run_id)
        record_run(2, sweep.run_id)
        (group,) = rank(trials.trials(sweep.run_id, "attributes.status = 'FINISHED'"))
        trials.describe(sweep, [group], group, f"the command {'-S key=value ' * 50}")
    return sweep.run_id


@pytest.fixture(scope="module")
def server(swept: Sweep, make_split: MakeSplit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    database = tmp_path_factory.mktemp("ui") / "mlflow.db"
    shutil.copyfile(swept.project.root / "mlflow.db", database)
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{database}", "MLFLOW_EXPERIMENT_NAME": SYNTHETIC}
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in store.items():
            patch.setenv(variable, value)
        patch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
        sweep = record(make_split)
    port = free_port()
    command = ("make", "ui", f"PORT={port}", f"SWEEP={sweep}")
    with swept.project.started(*command, environment=store) as process:
        (printed,) = PRINTED.findall(read_until(process, "the runs are compared at "))
        yield Server(port, printed, sweep, store["MLFLOW_TRACKING_URI"])
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all that it started
        output, _ = process.communicate()
    assert "Error 130" in output
    assert not pages.answers(port)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path / "chromium", 1600, 1600) as driver:
        yield driver


def follow(browser: webdriver.Chrome, link: str) -> None:
    """Click on a link once it is there, which may be later than its text in a chart."""

    def click(driver: webdriver.Chrome) -> bool:
        driver.find_element(By.LINK_TEXT, link).click()
        return True

    WebDriverWait(browser, 60, ignored_exceptions=(StaleElementReferenceException,)).until(click)


def wait_for(browser: webdriver.Chrome, *wanted: str) -> str:
    """Return the text of the page, once all that is `wanted` is in it."""

    def text(driver: webdriver.Chrome) -> str:
        shown = driver.find_element(By.TAG_NAME, "body").text
        return shown if all(words in shown for words in wanted) else ""

    return WebDriverWait(browser, 60, ignored_exceptions=[StaleElementReferenceException]).until(
        text, f"the page does not show {wanted}"
    )


def test_make_ui_starts_a_server_and_says_where_its_runs_are_compared(server: Server) -> None:
    assert server.printed.startswith(f"http://127.0.0.1:{server.port}/#/experiments/")
    assert "viewStateShareKey=digits-" in server.printed
    assert pages.answers(server.port)


@pytest.mark.parametrize("of_sweep", [False, True], ids=["all", "sweep"])
def test_the_printed_address_compares_the_runs_without_a_click(
    server: Server, browser: webdriver.Chrome, of_sweep: bool
) -> None:
    browser.get(server.printed if of_sweep else server.address(SYNTHETIC))
    names = [name(seed) for seed in ((1, 2) if of_sweep else (0, 1, 2))]
    curves = [f"{name} (val_accuracy)" for name in names]
    shown = wait_for(browser, *names, *curves, f"{len(names)} matching runs", "test_error_percent")
    assert "best_" not in shown  # the parent's, whose charts would come first
    WebDriverWait(browser, 60).until(lambda driver: len(driver.find_elements(*CHART)) >= 3)


def test_the_first_charts_are_what_one_chooses_by_and_no_system_metric_is_before_them(
    server: Server, browser: webdriver.Chrome
) -> None:
    browser.get(server.printed)
    charts = ("val_accuracy", "val_error_percent", "Parallel Coordinates", "test_error_percent")
    shown = wait_for(browser, *charts, "System metrics").splitlines()
    places = [shown.index(title) for title in charts]
    assert places == sorted(places)
    assert not [line for line in shown if line.startswith(("system/", "cpu_"))]
    assert places[-1] < next(place for place, line in enumerate(shown) if line.startswith("System metrics"))


def test_a_second_make_ui_prints_the_address_on_the_server_that_runs_if_it_has_the_same_store(
    swept: Sweep, server: Server, tmp_path: Path
) -> None:
    same = {"MLFLOW_TRACKING_URI": server.store, "MLFLOW_EXPERIMENT_NAME": SYNTHETIC}
    command = ("python", "src/ui.py", str(server.port))
    again = swept.project.run(*command, server.synthetic_sweep, environment=same)
    assert PRINTED.findall(again) == [server.printed]
    other = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'other.db'}"}
    refused = swept.project.run(*command, environment=other, code=1)
    assert refused.endswith(
        f"error: PORT: something answers on port {server.port} already; try make ui PORT={server.port + 1}\n"
    )


def test_a_trial_leads_to_its_sweep_and_the_description_there(
    server: Server, browser: webdriver.Chrome
) -> None:
    browser.get(server.printed)
    wait_for(browser, name(1))
    follow(browser, name(1))
    wait_for(browser, "Parent run", "sweep seed=1,2", "Model compact, recipe onecycle, seed 1")
    follow(browser, "sweep seed=1,2")
    WebDriverWait(browser, 60).until(lambda driver: server.synthetic_sweep in driver.current_url)
    wait_for(
        browser, "sweep seed=1,2", "Best of 1 configurations in 2 runs", "the command", "best_val_accuracy"
    )
    assert not browser.execute_script(WIDER_THAN_ITS_PLACE)  # which would push the metrics out of sight


def test_a_sweep_that_was_really_run_is_compared(
    server: Server, swept: Sweep, browser: webdriver.Chrome
) -> None:
    parent, found = sweep_runs(swept.project)
    names = [str(run.info.run_name) for run in found]
    assert sorted(names) == ["dropout=0.1", "dropout=0.5"]
    browser.get(server.address(NAME, parent.info.run_id))
    curves = [f"{name} (val_accuracy)" for name in names]
    # a bar's label is the percentage that the trial got wrong
    errors = [f"{run.data.metrics['test_error_percent']:.2f}".rstrip("0").rstrip(".") for run in found]
    wait_for(browser, *names, *curves, *errors, "model.dropout", "2 matching runs")
    follow(browser, names[0])
    wait_for(browser, "Parent run", str(parent.info.run_name))
