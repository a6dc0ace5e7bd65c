"""What the page shows on each screen, and what it loads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from selenium import webdriver
from selenium.webdriver.common.by import By

from digits.base.paths import NAME
from page import DARK_DESKTOP, DARK_TELEPHONE, DESKTOP, TELEPHONE, OpenPage, Screen, Server, strokes_of

# Returns [foreground, background, words] of each text that is not of a disabled control.
TEXT_COLOURS = """
const background = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const { backgroundColor } = getComputedStyle(each);
    if (backgroundColor !== "rgba(0, 0, 0, 0)") return backgroundColor;
  }
};
return [...document.body.querySelectorAll("*")]
  .filter((each) => [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
  .filter((each) => each.checkVisibility() && !each.matches(":disabled, :disabled *"))
  .map((each) => [getComputedStyle(each).color, background(each), each.innerText]);
"""


def contrast(foreground: str, background: str) -> float:
    """Return the contrast ratio of two colours that CSS has computed, from 1 to 21: WCAG 2.2."""

    def luminance(colour: str) -> float:
        red, green, blue = (int(each) / 255 for each in re.findall(r"\d+", colour))
        linear = [
            each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
            for each in (red, green, blue)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(foreground), luminance(background)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_page_and_the_documentation_load_nothing_from_other_hosts(
    browser: webdriver.Chrome, open_page: OpenPage, server: Server
) -> None:
    def entries(log: str) -> list[dict[str, Any]]:
        """Return what was logged since the last call."""
        return list(browser.get_log(log))  # type: ignore[no-untyped-call]

    for log in ("browser", "performance"):
        entries(log)
    page = open_page(DESKTOP)
    page.draw(strokes_of("1"))
    browser.get(f"{server.address}/docs")
    page.wait(lambda: browser.find_elements(By.CSS_SELECTOR, ".opblock"))
    events = [json.loads(entry["message"])["message"] for entry in entries("performance")]
    sent = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert {f"{server.address}/{path}" for path in ("", "model", "predict?seen=true", "docs")} <= sent
    assert [url for url in sent if not url.startswith((f"{server.address}/", "data:", "blob:"))] == []
    assert [entry for entry in entries("browser") if entry["level"] == "SEVERE"] == []


def test_the_page_names_the_model_and_shows_a_promoted_one_without_a_reload(
    open_page: OpenPage, server: Server
) -> None:
    def shown() -> list[str]:
        return [page.text(f"model-{part}") for part in ("name", "version", "accuracy", "run")]

    def expected(version: int, run: Run) -> list[str]:
        accuracy = f"{100 * run.data.metrics['test_accuracy']:.2f} %"
        return [f"{NAME}-sample", str(version), accuracy, str(run.info.run_name)]

    first, second = server.runs
    page = open_page(DESKTOP)
    assert shown() == expected(1, first)
    page.draw(strokes_of("3"))
    shares = page.shares
    page.run("window.notReloaded = true")
    server.project.run("python", "src/promote.py", second.info.run_id, "force=true")
    page.wait(lambda: page.text("model-version") == "2")
    assert shown() == expected(2, second)
    page.settle()
    assert page.shares != shares  # the drawing is answered by the new model
    assert page.run("return window.notReloaded")


@pytest.mark.parametrize("screen", [TELEPHONE, DARK_TELEPHONE], ids=["light", "dark"])
def test_nothing_scrolls_sideways_on_a_telephone(open_page: OpenPage, screen: Screen) -> None:
    def width() -> int:
        return int(page.run("return document.scrollingElement.scrollWidth"))

    page = open_page(screen)
    assert width() <= screen.width
    page.draw(strokes_of("4"))
    page.correct("0")  # the status names a long path now
    assert width() <= screen.width
    assert page.run("return innerWidth") == screen.width  # a page that is too wide would be zoomed out


@pytest.mark.parametrize("screen", [DESKTOP, DARK_DESKTOP], ids=["light", "dark"])
def test_texts_have_enough_contrast(open_page: OpenPage, screen: Screen) -> None:
    page = open_page(screen)
    answer = page.draw(strokes_of("2"))
    colours = page.run(TEXT_COLOURS)
    page.upload(Path(__file__))
    page.wait(lambda: page.text("status"))
    colours += page.run(TEXT_COLOURS)
    assert {answer, page.text("status")} <= {words for _, _, words in colours}
    assert [each for each in colours if contrast(*each[:2]) < 4.5] == []
