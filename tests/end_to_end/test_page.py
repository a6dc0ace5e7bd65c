"""The page of src/serve.py in a real browser: digits are drawn with a mouse or a finger, and a model that was
trained on data=sample answers."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.entities import Run
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

import drawn_digits
from browser import chromium
from project import Project, copy_project, read_until

CLASSES = list("0123456789")
EPOCHS = 8  # enough for a test accuracy of 98 %
PRINTED = re.compile(r"draw at (http://\S+),")
PATIENCE = 30  # seconds until a test fails because the page does not change
QUIET = 0.35  # seconds without a new answer, after which a drawing counts as answered
Stroke = Sequence[tuple[float, float]]  # (x, y) in the canvas as a unit square, y downwards

TOUCH_EVENTS = {"down": "touchStart", "move": "touchMove", "up": "touchEnd"}
MOUSE_EVENTS = {"down": "mousePressed", "move": "mouseMoved", "up": "mouseReleased"}

# Returns the style of the outline that shows where the focus is. The file input itself is transparent.
FOCUS_OUTLINE = """
const { activeElement } = document;
return getComputedStyle(activeElement.closest("label") ?? activeElement).outlineStyle;
"""

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


@dataclasses.dataclass(frozen=True)
class Screen:
    """What the browser shows the page on."""

    width: int
    height: int
    touch: bool = False
    dark: bool = False


DESKTOP, DARK_DESKTOP = Screen(1280, 800), Screen(1280, 800, dark=True)
TELEPHONE, DARK_TELEPHONE = Screen(360, 640, touch=True), Screen(360, 640, touch=True, dark=True)


class Page:
    """The page, what a person sees on it, and what a person does with it."""

    def __init__(self, driver: webdriver.Chrome, address: str, screen: Screen) -> None:
        self.driver = driver
        self._touch = screen.touch
        self._box: dict[str, float] = {}
        size = {"width": screen.width, "height": screen.height, "deviceScaleFactor": 1}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if screen.dark else "light"}
        if not driver.current_url.startswith(address):
            driver.get(address)  # with another host, a part of the emulation would be lost
        self._devtools("Emulation.setDeviceMetricsOverride", **size, mobile=screen.touch)
        self._devtools("Emulation.setTouchEmulationEnabled", enabled=screen.touch)
        self._devtools("Emulation.setEmulatedMedia", features=[scheme])
        driver.get(address)
        self.wait(lambda: self.text("model-version") != "…")

    def _devtools(self, command: str, **parameters: object) -> None:
        self.driver.execute_cdp_cmd(command, parameters)

    def wait(self, condition: Callable[[], object]) -> None:
        WebDriverWait(self.driver, PATIENCE, 0.05).until(lambda _: condition())

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def text(self, name: str) -> str:
        return self.driver.find_element(By.ID, name).text

    @property
    def answer(self) -> tuple[str, int]:
        """The class that is shown, or nothing, and how many answers the page has shown so far."""
        name, count = self.run("""
            const { textContent, dataset } = document.getElementById("answer");
            return [textContent, Number(dataset.answered)]""")
        return str(name), int(count)

    @property
    def shares(self) -> dict[str, float]:
        """The percentage beside each bar."""
        rows = self.run("""
            return [...document.querySelectorAll("#bars li")]
              .map((row) => [row.dataset.class, row.querySelector(".share").textContent])""")
        return {name: float(share.strip("> %")) for name, share in rows}

    @property
    def canvas(self) -> str:
        """The canvas as a data URL."""
        return str(self.run("return document.getElementById('drawing').toDataURL()"))

    @property
    def focus(self) -> str:
        """The id of the element that has the focus."""
        return str(self.run("return document.activeElement.id"))

    def point(self, event: str, *places: tuple[float, float]) -> None:
        """Let the pointer go down at a place on the canvas, move there, or go up: events as the system sends
        them. On a touch screen, `places` are those of all fingers that are down."""
        if event == "down":
            self._box = self.run("return document.getElementById('drawing').getBoundingClientRect().toJSON()")
        left, top, side = (self._box[key] for key in ("left", "top", "width"))
        points = [{"x": left + side * x, "y": top + side * y} for x, y in places]
        if self._touch:
            touching = [] if event == "up" else points
            self._devtools("Input.dispatchTouchEvent", type=TOUCH_EVENTS[event], touchPoints=touching)
        else:
            button = {"button": "left", "buttons": int(event != "up"), "clickCount": 1}
            self._devtools("Input.dispatchMouseEvent", type=MOUSE_EVENTS[event], **points[0], **button)

    def draw(self, strokes: Sequence[Stroke]) -> str:
        """Draw strokes. Return the answer."""
        for stroke in strokes:
            self.point("down", stroke[0])
            for place in stroke[1:]:
                self.point("move", place)
            self.point("up", stroke[-1])
        return self.settle()

    def settle(self) -> str:
        """Wait until there is an answer and no other one follows. Return its class."""
        seen, since = self.answer, time.monotonic()

        def settled() -> bool:
            nonlocal seen, since
            if (now := self.answer) != seen:
                seen, since = now, time.monotonic()
            return bool(seen[0]) and time.monotonic() - since > QUIET

        self.wait(settled)
        return seen[0]

    def click(self, name: str) -> None:
        self.driver.find_element(By.ID, name).click()

    def type(self, *keys: str) -> None:
        """Press keys, all at the same time, wherever the focus is."""
        chain = ActionChains(self.driver)
        for key in keys:
            chain.key_down(key)
        for key in reversed(keys):
            chain.key_up(key)
        chain.perform()

    def undo_with(self, device: str) -> None:
        if device == "keyboard":
            self.type(Keys.CONTROL, "z")
        else:
            self.click("undo")

    def clear_with(self, device: str) -> None:
        if device == "keyboard":
            self.type(Keys.ESCAPE)
        else:
            self.click("clear")

    def upload(self, file: Path) -> None:
        self.driver.find_element(By.ID, "upload").send_keys(str(file))

    def correct(self, digit: str) -> None:
        """Say which digit the picture shows, and wait until the server has taken it."""
        classes = Select(self.driver.find_element(By.ID, "correct-class"))
        classes.select_by_value(digit)
        self.click("correct")
        self.wait(lambda: not classes.first_selected_option.get_attribute("value"))
        assert self.text("status").startswith("Thank you: kept in data/corrections/")


@dataclasses.dataclass(frozen=True)
class Server:
    """The server, in a project with two runs. The first is the champion."""

    address: str
    project: Project
    runs: Sequence[Run]

    def kept(self, digit: str) -> list[Path]:
        """Return the pictures that were kept as corrections."""
        return list((self.project.root / "data/corrections" / digit).glob("*"))


OpenPage = Callable[[Screen], Page]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    profile = tmp_path_factory.mktemp("browser") / "chromium"
    with chromium(profile, 1280, 800, ("browser", "performance")) as driver:
        yield driver


@pytest.fixture(scope="module")
def server(
    browser: webdriver.Chrome,
    prepared_template: Path,
    empty_store: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    del browser  # without which the tests are skipped before anything is trained
    project = copy_project(prepared_template, tmp_path_factory.mktemp("page") / "copy", empty_store)
    project.run("python", "src/experiment.py", "-m", "seed=0,1", f"epochs={EPOCHS}")
    runs = project.runs("metrics.test_accuracy >= 0")[::-1]
    project.run("python", "src/promote.py", runs[0].info.run_id)
    with project.started("python", "src/serve.py", "--port", "0") as process:
        (address,) = PRINTED.findall(read_until(process, "draw at "))
        yield Server(address, project, runs)
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "Traceback" not in output


@pytest.fixture
def open_page(browser: webdriver.Chrome, server: Server) -> OpenPage:
    """Return a function that opens the page on a screen."""
    return lambda screen: Page(browser, server.address, screen)


def strokes_of(digit: str) -> list[Stroke]:
    """Return the strokes of the first way to write a digit, as large as a person draws on the canvas, with as
    few points as a quick hand leaves."""
    strokes = drawn_digits.strokes_of(digit, 0)
    return [[(0.12 + 0.76 * x, 0.12 + 0.76 * y) for x, y in (*s[:-1:10], s[-1])] for s in strokes]


def write_picture(digit: str, file: Path) -> Path:
    """Write a picture of a handwritten digit, with another pen than that of the page."""
    drawn_digits.draw(digit, drawn_digits.CONDITIONS["plain"], np.random.default_rng(0)).save(file)
    return file


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


@pytest.mark.parametrize("screen", [DESKTOP, DARK_TELEPHONE], ids=["mouse", "finger-dark"])
def test_digits_drawn_with_a_pointer_are_answered(open_page: OpenPage, screen: Screen) -> None:
    page = open_page(screen)
    answers = {}
    for digit in CLASSES:
        answers[digit] = page.draw(strokes_of(digit))
        page.click("clear")
    assert sum(digit == answer for digit, answer in answers.items()) >= 8, answers


def test_an_answer_has_a_bar_for_each_class_and_the_picture_that_the_network_sees(
    open_page: OpenPage,
) -> None:
    page = open_page(DESKTOP)
    answer = page.draw(strokes_of("3"))
    shares = page.shares
    assert list(shares) == CLASSES
    assert sum(shares.values()) == pytest.approx(100, abs=1)
    assert shares[answer] == max(shares.values())
    assert float(page.text("confidence").strip("> %")) == shares[answer]
    page.wait(lambda: page.run("return document.getElementById('seen').naturalWidth") == 28)
    assert page.driver.find_element(By.ID, "seen").is_displayed()


@pytest.mark.parametrize("screen", [DESKTOP, TELEPHONE], ids=["mouse", "finger"])
def test_the_answer_changes_while_the_stroke_is_still_being_drawn(
    open_page: OpenPage, screen: Screen
) -> None:
    page = open_page(screen)
    (stroke,) = strokes_of("0")
    third = len(stroke) // 3
    page.point("down", stroke[0])
    for place in stroke[1:third]:
        page.point("move", place)
    page.settle()
    shares, (_, count) = page.shares, page.answer
    for place in stroke[third:]:
        page.point("move", place)
    assert page.settle() == "0"
    assert page.shares != shares
    assert page.answer[1] > count + 1  # not only when the pointer rests
    page.point("up", stroke[-1])


def test_a_second_finger_neither_draws_nor_ends_the_stroke(open_page: OpenPage) -> None:
    page = open_page(TELEPHONE)
    page.draw([[(0.3, 0.2), (0.3, 0.5), (0.3, 0.9)]])
    canvas = page.canvas
    page.click("clear")
    page.point("down", (0.3, 0.2))
    page.point("move", (0.3, 0.5))
    page.point("down", (0.3, 0.5), (0.8, 0.2))
    page.point("move", (0.3, 0.5), (0.8, 0.8))
    page.point("move", (0.3, 0.9), (0.8, 0.8))
    page.point("up", (0.3, 0.9), (0.8, 0.8))
    page.settle()
    assert page.canvas == canvas


def test_a_finger_on_the_canvas_does_not_scroll_the_page(open_page: OpenPage) -> None:
    page = open_page(TELEPHONE)
    height = page.run("return document.scrollingElement.scrollHeight")
    assert height > TELEPHONE.height  # it could be scrolled
    page.draw([[(0.5, 0.9), (0.5, 0.7), (0.5, 0.5), (0.5, 0.3), (0.5, 0.1)]])
    assert page.run("return scrollY") == 0


def test_a_tapped_button_looks_like_the_others_again(open_page: OpenPage) -> None:
    page = open_page(TELEPHONE)
    page.draw(strokes_of("1"))
    page.click("clear")
    page.wait(lambda: not page.answer[0])
    undo, clear = page.run(
        "return ['undo', 'clear'].map((id) => getComputedStyle(document.getElementById(id)).color)"
    )
    assert undo == clear


@pytest.mark.parametrize("device", ["button", "keyboard"])
def test_undo_takes_back_the_last_stroke(open_page: OpenPage, device: str) -> None:
    page = open_page(DESKTOP)
    blank = page.canvas
    first, second = strokes_of("5")
    page.draw([first])
    canvas, shares = page.canvas, page.shares
    page.draw([second])
    assert page.canvas != canvas
    assert page.shares != shares
    page.undo_with(device)
    page.settle()
    assert page.canvas == canvas
    assert page.shares == shares
    page.undo_with(device)
    page.wait(lambda: not page.text("answer"))
    assert page.canvas == blank


@pytest.mark.parametrize("device", ["button", "keyboard"])
def test_clear_empties_the_canvas_and_the_answer_until_it_is_undone(open_page: OpenPage, device: str) -> None:
    page = open_page(DESKTOP)
    blank = page.canvas
    answer = page.draw(strokes_of("7"))
    canvas = page.canvas
    page.clear_with(device)
    page.wait(lambda: not page.text("answer"))
    assert page.canvas == blank
    assert page.text("confidence") == ""
    assert not page.driver.find_element(By.ID, "seen").is_displayed()
    assert not page.driver.find_element(By.ID, "correct").is_enabled()
    page.undo_with(device)
    assert page.settle() == answer
    assert page.canvas == canvas


def test_an_uploaded_picture_is_answered_and_kept_as_it_is(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    picture = write_picture("2", tmp_path / "two.png")
    page = open_page(DESKTOP)
    page.upload(picture)
    assert page.settle() == "2"
    page.correct("4")
    (kept,) = server.kept("4")
    assert kept.read_bytes() == picture.read_bytes()
    assert page.text("status").endswith(str(kept.relative_to(server.project.root)))


def test_a_drawing_is_kept_once_as_a_picture_of_its_right_class(open_page: OpenPage, server: Server) -> None:
    page = open_page(TELEPHONE)
    page.draw(strokes_of("9"))
    page.correct("8")
    page.correct("8")
    (kept,) = server.kept("8")
    with Image.open(kept) as image:
        assert image.format == "PNG"
        assert image.size == (280, 280)
        assert image.convert("L").getextrema() == (0, 255)


def test_the_keyboard_alone_reaches_each_control_and_corrects_an_answer(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page(DESKTOP)
    page.upload(write_picture("6", tmp_path / "six.png"))
    page.settle()
    page.run("document.activeElement.blur()")
    page.run("getSelection().collapse(document.body, 0)")  # Tab starts at the top
    reached = []
    for _ in range(5):
        page.type(Keys.TAB)
        reached.append(page.focus)
        assert page.run(FOCUS_OUTLINE) != "none"
        if page.focus == "correct-class":
            page.type("6")
    assert reached == ["undo", "clear", "upload", "correct-class", "correct"]
    page.type(Keys.ENTER)
    page.wait(lambda: server.kept("6"))
    page.wait(lambda: page.text("status").startswith("Thank you"))


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
        return ["digits-sample", str(version), accuracy, str(run.info.run_name)]

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


def test_a_file_that_is_no_picture_shows_the_reason_of_the_server(
    open_page: OpenPage, tmp_path: Path
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("This is no picture.")
    page = open_page(DESKTOP)
    page.draw(strokes_of("1"))
    page.upload(file)
    page.wait(lambda: page.text("status") == "the picture cannot be read (not a picture)")
    assert page.text("answer") == ""
    assert not page.driver.find_element(By.ID, "correct").is_enabled()
    page.draw(strokes_of("1"))
    assert page.text("status") == ""
