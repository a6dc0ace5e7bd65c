"""The page of src/serve.py in a browser, as a person sees and uses it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

import drawn_digits
from project import Project

PATIENCE = 30  # seconds until a test fails because the page does not change
QUIET = 0.35  # seconds without a new answer, after which a drawing counts as answered
Stroke = Sequence[tuple[float, float]]  # (x, y) in the canvas as a unit square, y downwards

TOUCH_EVENTS = {"down": "touchStart", "move": "touchMove", "up": "touchEnd"}
MOUSE_EVENTS = {"down": "mousePressed", "move": "mouseMoved", "up": "mouseReleased"}


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


def strokes_of(digit: str) -> list[Stroke]:
    """Return the strokes of the first way to write a digit, as large as a person draws on the canvas, with as
    few points as a quick hand leaves."""
    strokes = drawn_digits.strokes_of(digit, 0)
    return [[(0.12 + 0.76 * x, 0.12 + 0.76 * y) for x, y in (*s[:-1:10], s[-1])] for s in strokes]
