"""What a training says while it runs."""

import io
import sys

import pytest

from digits.learning import training
from digits.learning.history import Epoch
from support import MakeSplit, make_request, make_splits

SPRINT = ("model=small", "model.filters=[4]", "recipe=sprint", "epochs=2", "batch_size=32")


@pytest.mark.parametrize("validation", [20, 0])
def test_a_line_for_each_epoch_has_the_recorded_names_and_values_and_nothing_else_is_printed(
    make_split: MakeSplit, capfd: pytest.CaptureFixture[str], validation: int
) -> None:
    config = make_request(*SPRINT).config
    _, history = training.train(config, make_splits(train=make_split(100), validation=make_split(validation)))
    printed = capfd.readouterr()
    assert printed.err == ""
    for line, epoch in zip(printed.out.splitlines(), history, strict=True):
        heading, *pairs = line.split("  ")
        assert heading == f"epoch {epoch.epoch}/2"
        assert pairs == [f"{name} {value:.5g}" for name, value in epoch.metrics().items()]
    assert ("val_" in printed.out) == (validation > 0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_and_keeps_the_lines(
    make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        terminal = Terminal()
        patch.setattr(sys, "stdout", terminal)
        patch.setenv("TERM", "xterm")
        _, history = training.train(
            make_request(*SPRINT).config, make_splits(train=make_split(100), validation=make_split(20))
        )
    shown = terminal.getvalue()
    assert "100%" in shown
    for epoch in history:
        assert f"{epoch.line(2)}\n" in shown
    assert "%" not in shown.rpartition("\x1b[2K")[2]  # the bar is erased at the end


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
