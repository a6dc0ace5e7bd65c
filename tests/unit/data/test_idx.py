"""The IDX format."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from digits.base.errors import UserError
from digits.data import idx


def content(magic: int = 0x00000803, shape: tuple[int, ...] = (2, 3, 4), data: int = 24) -> bytes:
    return struct.pack(f">I{len(shape)}I", magic, *shape) + bytes(data)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    idx.write(tmp_path / "a.gz", array)
    np.testing.assert_array_equal(idx.read(tmp_path / "a.gz", 3), array)


def test_a_file_has_a_magic_number_the_sizes_and_the_bytes(tmp_path: Path) -> None:
    idx.write(tmp_path / "a.gz", np.zeros((2, 3, 4), np.uint8))
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == content()


def test_equal_arrays_make_equal_files(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        idx.write(tmp_path / name, np.ones(5, np.uint8))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize(
    ("compressed", "complaint"),
    [
        pytest.param(gzip.compress(content(magic=0x00000801)), "not an IDX file", id="wrong dimensions"),
        pytest.param(gzip.compress(content(magic=0x00000D03)), "not an IDX file", id="floats"),
        pytest.param(gzip.compress(b"PK\x03\x04 not IDX"), "not an IDX file", id="something else"),
        pytest.param(gzip.compress(content()[:9]), "not an IDX file", id="cut in the header"),
        pytest.param(gzip.compress(content(data=23)), "23 bytes of data, not 24", id="too short"),
        pytest.param(gzip.compress(content(data=25)), "25 bytes of data, not 24", id="too long"),
        pytest.param(gzip.compress(content())[:-5], "not a complete gzip file", id="cut gzip"),
        pytest.param(content(), "not a complete gzip file", id="not compressed"),
        pytest.param(gzip.compress(content()) + b"x", "not a complete gzip file", id="trailing bytes"),
        pytest.param(b"", "not an IDX file", id="empty"),
    ],
)
def test_a_damaged_file_is_refused_with_the_command_that_replaces_it(
    tmp_path: Path, compressed: bytes, complaint: str
) -> None:
    file = tmp_path / "images.gz"
    file.write_bytes(compressed)
    with pytest.raises(UserError, match=complaint) as refusal:
        idx.read(file, 3)
    assert str(file) in str(refusal.value)
    assert "dvc repro --force fetch" in str(refusal.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"images.gz: does not exist; `dvc repro fetch`"):
        idx.read(tmp_path / "images.gz", 3)
