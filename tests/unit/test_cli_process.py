"""Signals and standard streams of a command, which only a process of its own can show."""

import os
import signal
import subprocess
import sys

import pytest

from digits.base.paths import ROOT

SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]
START = """
import os, signal
from digits import cli
from digits.base import interrupts
from digits.base.errors import UserError
"""


def in_a_process(
    body: str, redirected: str = "", stdout: int = subprocess.PIPE, first: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `body` below cli.one_line_errors() in a process of its own, with redirections as in a shell."""
    code = f"{START}{first}\nwith cli.one_line_errors():\n    {body}"
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirected}', "sh", sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")} | environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        preexec_fn=heed_all_signals,
    )


def heed_all_signals() -> None:
    """Undo what nohup and a shell's background jobs do, and so would the process."""
    for name in SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def test_a_user_error_exits_with_1_and_goes_to_standard_error() -> None:
    done = in_a_process("raise UserError('seed: is wrong')")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"error: seed: is wrong\n")


@pytest.mark.parametrize("error", ["ENOSPC", "EROFS", "EACCES"])
def test_a_disk_that_is_full_or_read_only_is_one_line(error: str) -> None:
    done = in_a_process(
        f"raise OSError(errno.{error}, os.strerror(errno.{error}), 'a/b')", first="import errno"
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: a/b: ")
    assert b"; free some, and give" in done.stderr or b"; choose another folder" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_password_in_an_error_is_not_printed() -> None:
    done = in_a_process("raise UserError('no answer from https://me:s3cret@host/path')")
    assert done.stderr == b"error: no answer from https://host/path\n"


def test_closed_streams_do_no_harm() -> None:
    done = in_a_process("print('a'); os.write(1, b'b')", "<&- >&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = in_a_process("print('a'); raise UserError('b')", "2>&-")
    assert (done.returncode, done.stdout) == (1, b"a\n")


def test_a_pipe_that_nobody_reads_is_one_line() -> None:
    read, write = os.pipe()
    os.close(read)
    done = in_a_process("print('a\\n' * 100_000)", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"error: nobody reads standard output any more\n")


def test_an_ascii_terminal_gets_other_characters_escaped() -> None:
    done = in_a_process("print('\xb7'); raise UserError('\xe9')", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"\\xb7\n", b"error: \\xe9\n")


@pytest.mark.parametrize("name", SIGNALS)
def test_an_interrupt_that_a_library_catches_is_raised_once_more(name: str) -> None:
    body = f"""
    try:
        os.kill(os.getpid(), signal.{name})
    except BaseException:
        print("caught")
    interrupts.raise_if_interrupted()
    print("went on")"""
    done = in_a_process(body)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"caught\n", b"")


@pytest.mark.parametrize("name", SIGNALS)
def test_an_interrupt_is_held_while_something_is_recorded(name: str) -> None:
    body = f"""
    with interrupts.interrupts_held():
        os.kill(os.getpid(), signal.{name})
        print("recorded")
    print("went on")"""
    done = in_a_process(body)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"recorded\n", b"")


def test_after_an_interrupt_what_is_left_can_be_recorded() -> None:
    body = """
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        for number in range(2):
            with interrupts.interrupts_held():
                print(number)"""
    done = in_a_process(body)
    assert (done.returncode, done.stdout) == (130, b"0\n1\n")


def test_a_second_interrupt_does_not_break_off_what_the_first_one_started() -> None:
    body = """
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        print("ended in order")"""
    done = in_a_process(body)
    assert (done.returncode, done.stdout) == (130, b"ended in order\n")


def test_an_interrupt_long_after_one_that_was_lost_is_raised() -> None:
    body = """
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        print("lost")
    os.kill(os.getpid(), signal.SIGINT)
    print("went on")"""
    done = in_a_process(body, first="interrupts.IMPATIENCE = 0")
    assert (done.returncode, done.stdout) == (130, b"lost\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])  # as for background jobs, and under nohup
def test_an_ignored_interrupt_stays_ignored(name: str) -> None:
    body = f"os.kill(os.getpid(), signal.{name}); interrupts.raise_if_interrupted(); print('went on')"
    done = in_a_process(body, first=f"signal.signal(signal.{name}, signal.SIG_IGN)")
    assert (done.returncode, done.stdout) == (0, b"went on\n")


def test_what_a_notebook_sets_for_its_children_is_replaced() -> None:
    done = in_a_process("print(os.environ['MPLBACKEND'])", MPLBACKEND="module://matplotlib_inline")
    assert done.stdout == b"agg\n"
