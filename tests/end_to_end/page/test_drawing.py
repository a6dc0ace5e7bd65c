"""Digits are drawn with a mouse or a finger, and answered by a model that was trained on data=sample."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from page import DARK_TELEPHONE, DESKTOP, TELEPHONE, OpenPage, Screen, strokes_of

CLASSES = list("0123456789")


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
