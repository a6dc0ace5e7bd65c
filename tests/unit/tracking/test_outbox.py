"""What is to be recorded is on the disk, complete and in its order."""

import contextlib
import os
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from filelock import Timeout
from hypothesis import given
from hypothesis import strategies as st

from digits.base.errors import UserError
from digits.tracking.outbox import Entry, Outbox, new_key, open_left, read_entries, seconds_since
from support import fail_after

FILE = Path("outbox/entries")
DESTINATION = ("mlflow.db", "digits")
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)
CONTENTS = st.lists(st.tuples(st.text(max_size=5), VALUES), max_size=6)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all outboxes."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path / "outbox"


def written(contents: list[tuple[str, dict[str, Any]]]) -> tuple[list[Entry], bytes]:
    entries = [Entry(n, kind, 1000 + n, values) for n, (kind, values) in enumerate(contents, start=1)]
    return entries, b"".join(entry.line() for entry in entries)


@given(CONTENTS)
def test_entries_are_read_as_they_were_written(contents: list[tuple[str, dict[str, Any]]]) -> None:
    entries, content = written(contents)
    assert read_entries(content, FILE) == (entries, len(content))


@given(CONTENTS, st.data())
def test_a_file_that_breaks_off_has_the_entries_before(
    contents: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    entries, content = written(contents)
    end = data.draw(st.integers(0, len(content)))
    found, size = read_entries(content[:end], FILE)
    assert found == entries[: len(found)]
    assert size == sum(len(entry.line()) for entry in found) <= end
    assert len(found) == content[:end].count(b"\n")


@given(CONTENTS.filter(bool), st.data())
def test_a_damaged_byte_is_noticed(contents: list[tuple[str, dict[str, Any]]], data: st.DataObject) -> None:
    entries, content = written(contents)
    damaged = bytearray(content)
    damaged[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found, _ = read_entries(bytes(damaged), FILE)
    except UserError:
        return
    assert found == entries[:-1] or found == entries  # capitals in a checksum are no other number


@given(st.binary(max_size=200))
def test_whatever_is_in_the_file_it_is_read_or_refused(content: bytes) -> None:
    try:
        entries, size = read_entries(content, FILE)
    except UserError:
        return
    assert b"".join(entry.line() for entry in entries)[:size] or not entries


@pytest.mark.parametrize(
    "text", [b"[]", b"3", b'{"number": 1}', b'{"number":"1","kind":"a","time":1,"values":{}}', b"[" * 100_000]
)
def test_a_line_that_is_no_entry_is_refused(text: bytes) -> None:
    line = b"%08x %s\n" % (zlib.crc32(text), text)
    with pytest.raises(UserError, match=r"^outbox/entries: line 1 is damaged$"):
        read_entries(line + line, FILE)


def test_a_missing_line_is_noticed() -> None:
    _, content = written([("a", {}), ("b", {}), ("c", {})])
    first, _, third = content.splitlines(keepends=True)
    with pytest.raises(UserError, match="line 2 is damaged"):
        read_entries(first + third + third, FILE)


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


def test_a_key_says_how_long_ago_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_key()
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 90_500_000_000)
    assert seconds_since(key) == 90
