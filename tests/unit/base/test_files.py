"""Files are read and written."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from digits.base import files
from support import ROOT, fail_after


def test_csv_has_the_keys_of_its_rows_as_header(tmp_path: Path) -> None:
    files.write_csv(tmp_path / "a.csv", ({"n": n, "square": n * n} for n in (1, 2)))
    assert (tmp_path / "a.csv").read_text() == "n,square\n1,1\n2,4\n"


def test_the_md5_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"digits")
    assert files.md5(tmp_path / "a") == hashlib.md5(b"digits").hexdigest()


def test_all_files_of_a_folder_are_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("a", "b/c"):
        files.with_parents(source / name).write_text(name)
    files.copy_files(source, target)
    assert {str(f.relative_to(target)): f.read_text() for f in target.rglob("*") if f.is_file()} == {
        "a": "a",
        "b/c": "b/c",
    }


def test_the_file_that_cannot_be_replaced_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(0, monkeypatch, (os, "fsync"))
    with pytest.raises(OSError, match=r"No space left on device: .*model"):
        files.replace_durably(tmp_path / "model", b"weights")


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a process leaves that is killed while it writes the file `model`."""
    code = (
        "import os, pathlib, sys; from digits.base import files; "
        "os.fsync = lambda _: os.kill(os.getpid(), 9); files.replace_durably(pathlib.Path(sys.argv[1]), b'')"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "model"], env={"PYTHONPATH": str(ROOT / "src")})
    (file,) = tmp_path.iterdir()
    return file


def test_what_a_killed_process_left_is_removed_when_the_file_is_written_an_hour_later(left: Path) -> None:
    model = left.with_name("model")
    files.replace_durably(model, b"weights")
    assert set(model.parent.iterdir()) == {left, model}  # another process could be writing it
    an_hour_ago = time.time() - 3600
    os.utime(left, (an_hour_ago, an_hour_ago))
    files.replace_durably(model, b"other weights")
    assert list(model.parent.iterdir()) == [model]


def test_what_a_killed_process_left_can_be_removed_at_once(left: Path) -> None:
    files.remove_unfinished(left.with_name("mode"))
    assert left.exists()
    files.remove_unfinished(left.with_name("model"))
    assert not left.exists()
