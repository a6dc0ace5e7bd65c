"""What a training says while it runs."""

import io
import sys

import pytest

from digits.learning import training
from digits.learning.history import Epoch
from support import MakeSplit, make_request, make_splits

SPRINT = ("model=small", "model.filters=[4]", "recipe=sprint", "epochs=2", "batch_size=32")


@pytest.mark.parametrize("validation", [20, 0])
def test_a_line_for_each_epoch_and_nothing_else_is_printed(
    make_split: MakeSplit, capfd: pytest.CaptureFixture[str], validation: int
) -> None:
    config = make_request(*SPRINT).config
    _, history = training.train(config, make_splits(train=make_split(100), validation=make_split(validation)))
    printed = capfd.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines() == [epoch.line(2) for epoch in history]
    assert ("val_" in printed.out) == (validation > 0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(make_split: MakeSplit, lines: bool, bar: bool) -> tuple[str, list[Epoch]]:
    """Return what a terminal shows of a training, and its history."""
    with pytest.MonkeyPatch.context() as patch:
        terminal = Terminal()
        patch.setattr(sys, "stdout", terminal)
        patch.setenv("TERM", "xterm")
        _, history = training.train(
            make_request(*SPRINT).config,
            make_splits(train=make_split(100), validation=make_split(20)),
            lines=lines,
            bar=bar,
        )
    return terminal.getvalue(), history


@pytest.mark.parametrize("lines", [True, False])
def test_a_terminal_shows_a_bar_and_keeps_the_lines(make_split: MakeSplit, lines: bool) -> None:
    text, history = shown(make_split, lines, bar=True)
    assert "100%" in text
    assert f"val_accuracy {history[-1].val_accuracy:.4f}" in text
    for epoch in history:
        assert (f"{epoch.line(2)}\n" in text) == lines
    assert "%" not in text.rpartition("\x1b[2K")[2]  # the bar is erased at the end


def test_without_lines_and_bar_a_terminal_shows_nothing(make_split: MakeSplit) -> None:
    text, _ = shown(make_split, lines=False, bar=False)
    assert text == ""


def test_on_epoch_is_called_before_the_next_epoch_starts(make_split: MakeSplit) -> None:
    class StopError(Exception):
        pass

    def stop(epoch: Epoch) -> None:
        raise StopError(epoch.epoch)

    with pytest.raises(StopError, match=r"^1$"):
        training.train(
            make_request(*SPRINT).config,
            make_splits(train=make_split(40), validation=make_split(0)),
            stop,
        )
