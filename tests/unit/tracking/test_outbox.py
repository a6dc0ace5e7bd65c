"""What is to be recorded is on the disk, complete and in its order."""

import contextlib
import multiprocessing
import os
from pathlib import Path

import pytest
from filelock import Timeout

from digits.tracking.entries import read_entries
from digits.tracking.keys import new_key
from digits.tracking.outbox import Outbox, open_left
from support import fail_after

FILE = Path("outbox/entries")
DESTINATION = ("mlflow.db", "digits")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all outboxes."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path / "outbox"


def test_the_next_process_finds_what_a_killed_one_has_left() -> None:
    left = Outbox(new_key(), DESTINATION)
    left.append("a", {"x": 1})
    left.mark_delivered(left.waiting[0], "the run")
    left.append("b", {})
    left.close()
    (found,) = open_left()
    assert found.destination == DESTINATION
    assert [entry.kind for entry in found.waiting] == ["a", "b"]
    assert found.run_id == "the run"
    found.append("c", {})
    found.close()
    (again,) = open_left()
    assert [entry.number for entry in again.waiting] == [2, 3, 4]
    again.remove()
    assert list(open_left()) == []


def test_if_the_position_is_damaged_everything_is_delivered_again() -> None:
    left = Outbox(new_key(), DESTINATION)
    left.mark_delivered(left.waiting[0], "the run")
    (left.folder / "delivered").write_text('[1, "the')
    left.close()
    (found,) = open_left()
    assert [entry.kind for entry in found.waiting] == ["store"]
    assert found.run_id == ""
    found.close()


def test_what_a_living_process_has_open_is_left_alone() -> None:
    alive = Outbox(new_key(), DESTINATION)
    assert list(open_left()) == []
    with pytest.raises((Timeout, RuntimeError)):
        Outbox(alive.key)
    alive.close()


def _come_and_go() -> None:
    """Begin outboxes as a command does, and remove whatever is left."""
    for _ in range(100):
        own = Outbox(new_key(), DESTINATION)
        for left in open_left():
            left.remove()
        own.append("a", {})
        own.remove()


def test_processes_that_begin_at_once_take_nothing_from_each_other() -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_come_and_go) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert list(open_left()) == []


def test_the_oldest_is_the_first() -> None:
    keys = [new_key() for _ in range(5)]
    for key in reversed(keys):
        Outbox(key, DESTINATION).close()
    found = list(open_left())
    assert [each.key for each in found] == keys
    for each in found:
        each.close()


def test_a_damaged_one_is_set_aside_with_a_word(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = Outbox(new_key(), DESTINATION)
    left.append("a", {})
    left.append("b", {})
    left.close()
    file = left.folder / "entries"
    file.write_bytes(file.read_bytes().replace(b'"a"', b'"A"'))
    assert list(open_left()) == []
    assert "entries: line 2 is damaged; what it has is not recorded, and kept in" in capsys.readouterr().err
    assert [each.name for each in folder.iterdir()] == [f"{left.key}.refused"]
    assert list(open_left()) == []


OPERATIONS = ((Path, "open"), (os, "fsync"))


def test_whichever_write_fails_the_next_one_makes_up_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    for successes in range(100):
        out = Outbox(new_key(), DESTINATION)
        with pytest.MonkeyPatch.context() as patch:
            fail_after(successes, patch, *OPERATIONS)
            for number in range(3):
                out.append("a", {"number": number})
        failed = "cannot be written to: No space left" in capsys.readouterr().err
        assert [entry.values.get("number") for entry in out.waiting] == [None, 0, 1, 2]
        out.append("a", {"number": 3})
        found, _ = read_entries((out.folder / "entries").read_bytes(), FILE)
        assert [entry.values.get("number") for entry in found] == [None, 0, 1, 2, 3]
        out.remove()
        if not failed:
            break
    assert successes == 6  # two operations an entry


def test_files_of_an_entry_that_is_not_written_are_removed() -> None:
    out = Outbox(new_key(), DESTINATION)
    with contextlib.suppress(OSError), out.new_folder() as folder:
        (folder / "a").touch()
        raise OSError
    assert not folder.exists()
    out.remove()
