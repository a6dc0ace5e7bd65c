"""Interrupts around processes that are started. tests/end_to_end/test_interrupts.py has the commands."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from digits.base import interrupts

BLOCKED = "import signal; print(*(int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])))"


def blocked_in_a_new_process() -> set[int]:
    output = subprocess.check_output([sys.executable, "-c", BLOCKED], text=True)
    return {int(number) for number in output.split()}


def test_a_terminal_does_not_interrupt_what_is_started_in_the_block() -> None:
    terminal = {signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
    with interrupts.terminal_signals_blocked():
        assert blocked_in_a_new_process() >= terminal
    assert not blocked_in_a_new_process() & terminal


@pytest.mark.parametrize("threads", [0, 1])  # the system may give the signal to another thread
def test_an_interrupt_during_the_block_is_raised_after_it(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "_interrupted", False)
    monkeypatch.setattr(interrupts, "_raised_at", interrupts._raised_at)  # restored after the test
    end = threading.Event()
    others = [threading.Thread(target=end.wait) for _ in range(threads)]
    for other in others:
        other.start()
    done = []

    def interrupted_block() -> None:
        with interrupts.terminal_signals_blocked():
            os.kill(os.getpid(), signal.SIGINT)
            while others and not interrupts._interrupted:
                time.sleep(0.001)
            done.append("the block")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupts.install()
        with pytest.raises(KeyboardInterrupt):
            interrupted_block()
    finally:
        signal.signal(signal.SIGINT, before)
        end.set()
    assert done == ["the block"]
