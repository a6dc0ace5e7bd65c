"""Interrupts around processes that are started. tests/end_to_end/test_interrupts.py has the commands."""

import os
import signal
import subprocess
import sys

from digits.base.interrupts import terminal_signals_blocked

BLOCKED = "import signal; print(*(int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])))"


def blocked_in_a_new_process() -> set[int]:
    output = subprocess.check_output([sys.executable, "-c", BLOCKED], text=True)
    return {int(number) for number in output.split()}


def test_a_terminal_does_not_interrupt_what_is_started_in_the_block() -> None:
    terminal = {signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
    with terminal_signals_blocked():
        assert blocked_in_a_new_process() >= terminal
    assert not blocked_in_a_new_process() & terminal


def test_a_signal_during_the_block_is_handled_after_it() -> None:
    handled = []
    before = signal.signal(signal.SIGINT, lambda *_: handled.append("now"))
    try:
        with terminal_signals_blocked():
            os.kill(os.getpid(), signal.SIGINT)
            handled.append("in the block")
    finally:
        signal.signal(signal.SIGINT, before)
    assert handled == ["in the block", "now"]
