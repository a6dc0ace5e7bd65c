"""The IDX format."""

import contextlib
import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from digits.base.errors import UserError
from digits.data import idx
from support import ROOT


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
        pytest.param(gzip.compress(content(data=25)), "more bytes of data, not 24", id="too long"),
        pytest.param(gzip.compress(content())[:-5], "not a complete gzip file", id="cut gzip"),
        pytest.param(content(), "not a complete gzip file", id="not compressed"),
        pytest.param(gzip.compress(content()) + b"x", "not a complete gzip file", id="trailing bytes"),
        pytest.param(b"", "not an IDX file", id="empty"),
        pytest.param(
            gzip.compress(content(shape=(2**32 - 1,) * 3)), "at most 1,073,741,824 bytes", id="overflow"
        ),
        pytest.param(
            gzip.compress(content(shape=(2**20, 2**4, 2**4))), "24 bytes of data", id="lying header"
        ),
    ],
)
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, compressed: bytes, complaint: str) -> None:
    file = tmp_path / "images.gz"
    file.write_bytes(compressed)
    with pytest.raises(UserError, match=complaint) as refusal:
        idx.read(file, 3)
    assert str(file) in str(refusal.value)


def test_a_bomb_needs_no_more_memory_than_its_header_allows(tmp_path: Path) -> None:
    file = tmp_path / "images.gz"
    with gzip.open(file, "wb", compresslevel=1) as stream:
        stream.write(content(shape=(1000, 28, 28), data=0))
        for _ in range(1000):
            stream.write(bytes(1_000_000))
    code = f"""
import resource
from digits.data import idx
from digits.base.errors import UserError
from pathlib import Path
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    idx.read(Path({str(file)!r}), 3)
except UserError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", code]
    refusal, grown = subprocess.check_output(command, env=environment, text=True).splitlines()
    assert "has more bytes of data, not 784,000" in refusal
    assert int(grown) < 8_000  # KiB


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to itself"])
@pytest.mark.usefixtures("time_limit")
def test_what_is_not_a_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "images.gz"
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case _:
            file.symlink_to(file)
    with pytest.raises(UserError, match=r"^/.*images\.gz: "):
        idx.read(file, 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"images.gz: does not exist$"):
        idx.read(tmp_path / "images.gz", 3)


@given(arrays(np.uint8, array_shapes(max_dims=3, min_side=0, max_side=6)))
def test_any_array_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, array: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "any.gz"
    idx.write(file, array)
    np.testing.assert_array_equal(idx.read(file, array.ndim), array)


@given(
    st.binary(max_size=60), st.booleans(), st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03\0\0\0\x02"])
)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes, compressed: bool, start: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.gz"
    file.write_bytes(gzip.compress(start + rest) if compressed else start + rest)
    for dimensions in (1, 3):
        with contextlib.suppress(UserError):
            array = idx.read(file, dimensions)
            assert array.ndim == dimensions
            assert array.dtype == np.uint8


@pytest.mark.parametrize("zipped", [True, False])
def test_four_files_are_copied_gzipped_or_not(tmp_path: Path, zipped: bool) -> None:
    (tmp_path / "mine").mkdir()
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for images, labels in (idx.TRAIN, idx.TEST):
        idx.write(tmp_path / "mine" / images, array)
        idx.write(tmp_path / "mine" / labels, np.arange(2, dtype=np.uint8))
    if not zipped:
        for file in (tmp_path / "mine").iterdir():
            file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
            file.unlink()
    idx.copy(tmp_path / "mine", tmp_path)
    pixels, numbers = idx.read_split(tmp_path, idx.TEST)
    np.testing.assert_array_equal(pixels, array[..., np.newaxis])
    np.testing.assert_array_equal(numbers, [0, 1])


def test_images_can_have_colours(tmp_path: Path) -> None:
    idx.write(tmp_path / idx.TEST[0], np.zeros((2, 3, 4, 3), np.uint8))
    idx.write(tmp_path / idx.TEST[1], np.zeros(2, np.uint8))
    assert idx.read_split(tmp_path, idx.TEST)[0].shape == (2, 3, 4, 3)


def test_a_file_that_is_not_there_is_named_before_anything_is_copied_wrongly(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{idx.TRAIN[0]}: does not exist, neither with .gz nor without"):
        idx.copy(tmp_path / "mine", tmp_path)
