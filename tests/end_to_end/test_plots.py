"""The charts of dvc.yaml: which there are, and how a browser without a network shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from browser import chromium
from project import Project
from support import ROOT

DEFINITIONS = yaml.safe_load((ROOT / "dvc.yaml").read_text())
OF_STAGES: dict[str, dict[str, Any]] = {
    file: plot
    for stage in DEFINITIONS["stages"].values()
    for each in stage.get("plots", [])
    for file, plot in each.items()
}
PICTURES = {file for file in OF_STAGES if file.endswith(".png")}
CHARTS = {name: chart for each in DEFINITIONS["plots"] for name, chart in each.items()} | {
    file: plot for file, plot in OF_STAGES.items() if file not in PICTURES
}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path / "chromium", 1280, 800, ["browser"], offline=True) as driver:
        yield driver


def open_charts(project: Project, browser: webdriver.Chrome, *words: str) -> dict[str, WebElement]:
    """Draw the charts with `make plots`, and return each once it is there."""
    output = project.run("make", "plots", *words, environment={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    assert output == f"the charts are in {(project.root / 'dvc_plots/index.html').as_uri()}\n"
    browser.get(output.split()[-1])
    places = {name: f"#{re.sub(r'[ /.]', '_', name)} svg" for name in CHARTS}
    WebDriverWait(browser, 60).until(
        lambda driver: all(driver.find_elements(By.CSS_SELECTOR, place) for place in places.values())
    )
    complaints = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert not [entry for entry in complaints if entry["level"] == "SEVERE"]
    return {name: browser.find_element(By.CSS_SELECTOR, place) for name, place in places.items()}


def texts(chart: WebElement, selector: str = "") -> list[str]:
    found = chart.find_elements(By.CSS_SELECTOR, f"{selector} text")
    return [str(element.get_property("textContent")) for element in found]


def marks(chart: WebElement) -> list[WebElement]:
    """Return the points, bars or cells."""
    kinds = (f".mark-{kind}.role-mark path" for kind in ("symbol", "rect"))
    return chart.find_elements(By.CSS_SELECTOR, ", ".join(kinds))


def centres(chart: WebElement, selector: str, text: str) -> list[tuple[float, float]]:
    """Return where these words are in the chart, in pixels to the right and down."""
    found = chart.find_elements(By.CSS_SELECTOR, f"{selector} text")
    boxes = [each.rect for each in found if each.get_property("textContent") == text]
    return [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]


def test_dvc_draws_the_charts_and_pictures_that_dvc_yaml_defines_and_no_others(finished: Project) -> None:
    shown = json.loads(finished.run("dvc", "plots", "show", "--json"))
    assert set(shown["data"]) == CHARTS.keys() | PICTURES
    assert "errors" not in shown
    assert all(entry.get("content") or entry.get("url") for data in shown["data"].values() for entry in data)


def test_a_browser_without_a_network_draws_each_chart_with_the_names_of_its_axes(
    finished_copy: Project, browser: webdriver.Chrome
) -> None:
    for name, chart in open_charts(finished_copy, browser).items():
        assert any(mark.is_displayed() for mark in marks(chart)), name
        wanted = CHARTS[name]
        assert wanted["title"] in texts(chart, ".role-title-text")
        assert set(texts(chart, ".role-axis-title")) == {wanted["x_label"], wanted["y_label"]}
    pictures = browser.find_elements(By.TAG_NAME, "img")
    assert len(pictures) == len(PICTURES)
    assert all(picture.get_property("naturalWidth") for picture in pictures)
    assert finished_copy.changes() == ""


def test_the_page_names_no_script_or_style_of_another_host(finished_copy: Project) -> None:
    finished_copy.run("make", "plots")
    page = (finished_copy.root / "dvc_plots/index.html").read_text()
    assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=[^>]*", page)
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|@import|url\(""", page)


def test_the_confusion_has_true_classes_in_rows_in_the_order_of_the_picture(
    finished_copy: Project, browser: webdriver.Chrome
) -> None:
    classes = [str(n) for n in range(11)]  # by the alphabet, 10 would come before 2
    images = {(true, predicted): 0 for true in classes for predicted in classes} | {("4", "2"): 5}
    rows = [f"{true},{predicted},{count}\n" for (true, predicted), count in images.items()]
    table = finished_copy.root / "reports/confusion.csv"
    table.write_text("".join(["actual,predicted,images\n", *rows]))
    chart = open_charts(finished_copy, browser)["reports/confusion.csv"]
    assert texts(chart, ".role-axis-label") == 2 * classes
    ((x, y),) = centres(chart, ".mark-text.role-mark", "5")
    assert min(abs(x - column) for column, _ in centres(chart, ".role-axis-label", "2")) < 5
    assert min(abs(y - row) for _, row in centres(chart, ".role-axis-label", "4")) < 5


def test_two_states_are_told_apart_in_each_chart(finished_copy: Project, browser: webdriver.Chrome) -> None:
    for name, chart in open_charts(finished_copy, browser, "REVS=HEAD workspace").items():
        assert {"HEAD", "workspace"} <= set(texts(chart)), name
        assert len({mark.get_attribute("fill") for mark in marks(chart)}) > 1, name


def test_an_unknown_revision_is_one_line(finished_copy: Project) -> None:
    output = finished_copy.run("make", "plots", "REVS=nope", code=2)
    assert output.splitlines()[0] == "error: dvc plots: unknown Git revision 'nope'"


def test_before_the_pipeline_has_run_there_is_nothing_to_draw(project: Project) -> None:
    for file in (project.root / "reports").glob("*.csv"):
        file.unlink()
    output = project.run("python", "src/plots.py", code=1)
    assert output == "error: dvc plots: there is nothing to draw yet; run the pipeline first: dvc repro\n"
