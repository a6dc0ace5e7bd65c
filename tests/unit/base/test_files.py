"""Files that a reader finds complete or not at all."""

import contextlib
import hashlib
from pathlib import Path

import pytest

from digits.base import files


def test_staged_files_appear_together(tmp_path: Path) -> None:
    with files.staged(tmp_path) as stage:
        files.write_json(stage / "a/b.json", {"x": 1})
        (stage / "c.txt").write_text("c")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a/b.json").read_text() == '{\n  "x": 1\n}\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c.txt"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_folder_is_as_it_was(tmp_path: Path, interruption: type[BaseException]) -> None:
    (tmp_path / "c.txt").write_text("old")
    with contextlib.suppress(interruption), files.staged(tmp_path) as stage:
        (stage / "c.txt").write_text("new")
        raise interruption
    assert [path.name for path in tmp_path.iterdir()] == ["c.txt"]
    assert (tmp_path / "c.txt").read_text() == "old"


def test_staged_files_replace_only_files_of_the_same_path(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        files.with_parents(tmp_path / "folder" / name).write_text("old")
    with files.staged(tmp_path) as stage:
        files.with_parents(stage / "folder/a.txt").write_text("new")
    assert (tmp_path / "folder/a.txt").read_text() == "new"
    assert (tmp_path / "folder/b.txt").read_text() == "old"


def test_csv_has_the_keys_of_its_rows_as_header(tmp_path: Path) -> None:
    files.write_csv(tmp_path / "a.csv", ({"n": n, "square": n * n} for n in (1, 2)))
    assert (tmp_path / "a.csv").read_text() == "n,square\n1,1\n2,4\n"


def test_the_md5_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"digits")
    assert files.md5(tmp_path / "a") == hashlib.md5(b"digits").hexdigest()
