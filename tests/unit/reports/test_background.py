"""Learning curves are drawn in another process."""

from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import pytest

from digits.reports import background, figures
from digits.reports.background import Drawing, drawing_process

CURVES = {"a": {"accuracy": [[(1, 0.5), (2, 0.9)]], "val_accuracy": [[(1, 0.4)]]}}


def test_pictures_are_those_that_this_process_would_draw(tmp_path: Path) -> None:
    figures.draw_curves("title", CURVES, tmp_path / "here.png")
    with drawing_process() as drawing:
        for name in ("first.png", "second.png"):
            drawing.draw_curves("title", CURVES, tmp_path / name)
        for _ in range(2):
            drawing.wait()
    for name in ("first.png", "second.png"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "here.png").read_bytes()


def test_the_process_draws_on_after_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with drawing_process() as drawing:
        drawing.draw_curves("title", CURVES, tmp_path / "file/curves.png")
        drawing.draw_curves("title", CURVES, tmp_path / "curves.png")
        with pytest.raises(FileExistsError):
            drawing.wait()
        drawing.wait()
    assert (tmp_path / "curves.png").exists()


def test_an_error_ends_the_process() -> None:
    with pytest.raises(ZeroDivisionError), drawing_process():
        raise ZeroDivisionError  # the block returns, although nothing was drawn


def test_drawing_ends_when_the_command_was_killed(tmp_path: Path) -> None:
    here, there = Pipe()
    drawing = Thread(target=background._draw_all, args=(there,))
    drawing.start()
    Drawing(here).draw_curves("title", CURVES, tmp_path / "curves.png")
    Drawing(here).wait()
    here.close()
    drawing.join(timeout=60)
    assert not drawing.is_alive()
