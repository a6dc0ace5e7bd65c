"""Pictures are uploaded, and kept where the answer is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import drawn_digits
from page import DESKTOP, TELEPHONE, OpenPage, Server, strokes_of

# Returns the style of the outline that shows where the focus is. The file input itself is transparent.
FOCUS_OUTLINE = """
const { activeElement } = document;
return getComputedStyle(activeElement.closest("label") ?? activeElement).outlineStyle;
"""


def write_picture(digit: str, file: Path) -> Path:
    """Write a picture of a handwritten digit, with another pen than that of the page."""
    drawn_digits.draw(digit, drawn_digits.CONDITIONS["plain"], np.random.default_rng(0)).save(file)
    return file


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
