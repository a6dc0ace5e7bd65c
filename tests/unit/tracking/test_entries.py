"""Whatever happens to a file of entries, what is read from it is what was written, or it is refused."""

import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits.base.errors import UserError
from digits.tracking.entries import Entry, read_entries

FILE = Path("outbox/entries")
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)
CONTENTS = st.lists(st.tuples(st.text(max_size=5), VALUES), max_size=6)


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
