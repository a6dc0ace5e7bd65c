"""Several files that a reader finds all, or none of them."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from digits.base import files
from digits.base.staging import staged
from support import ROOT, fail_after


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_staged_files_appear_together(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        files.write_json(stage / "a/b.json", {"x": 1})
        (stage / "c.txt").write_text("c")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a/b.json").read_text() == '{\n  "x": 1\n}\n'
    assert names(tmp_path) == ["a", "c.txt"]
    assert names(tmp_path / "a") == ["b.json"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_folder_is_as_it_was(tmp_path: Path, interruption: type[BaseException]) -> None:
    (tmp_path / "c.txt").write_text("old")
    with contextlib.suppress(interruption), staged(tmp_path) as stage:
        (stage / "c.txt").write_text("new")
        raise interruption
    assert names(tmp_path) == ["c.txt"]
    assert (tmp_path / "c.txt").read_text() == "old"


def test_staged_files_replace_only_files_of_the_same_path(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        files.with_parents(tmp_path / "folder" / name).write_text("old")
    with staged(tmp_path) as stage:
        files.with_parents(stage / "folder/a.txt").write_text("new")
    assert (tmp_path / "folder/a.txt").read_text() == "new"
    assert (tmp_path / "folder/b.txt").read_text() == "old"


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder `data` that is a link to another disk."""
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system in /dev/shm")
    disk = shared_memory / f"digits-test-{os.getpid()}"
    disk.mkdir()
    (tmp_path / "data").symlink_to(disk)
    yield disk
    shutil.rmtree(disk)


def test_files_move_to_another_disk(tmp_path: Path, other_disk: Path) -> None:
    files.with_parents(other_disk / "raw/a").write_text("old")
    with staged(tmp_path) as stage:
        files.with_parents(stage / "data/raw/a").write_text("new")
        files.with_parents(stage / "data/raw/b").write_text("b")
    assert (other_disk / "raw/a").read_text() == "new"
    assert names(other_disk / "raw") == ["a", "b"]
    assert names(tmp_path) == ["data"]


def test_if_the_other_disk_is_full_nothing_is_replaced(
    tmp_path: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copyfile = shutil.copyfile

    def copy(source: Path, target: Path) -> None:
        if source.name == "b":
            target.write_text("ha")  # half of it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copyfile(source, target)

    for name in ("a", "b"):
        files.with_parents(other_disk / "raw" / name).write_text("old")
    monkeypatch.setattr(shutil, "copyfile", copy)
    with contextlib.suppress(OSError), staged(tmp_path) as stage:
        for name in ("a", "b"):
            files.with_parents(stage / "data/raw" / name).write_text("new")
    assert {file.name: file.read_text() for file in (other_disk / "raw").iterdir()} == {
        "a": "old",
        "b": "old",
    }
    assert names(tmp_path) == ["data"]


KILLED_IN_THE_BLOCK = """
import os, signal, sys
from pathlib import Path
from digits.base.staging import staged
with staged(Path(sys.argv[1])) as stage:
    (stage / "a.txt").write_text("half")
    print("written", flush=True)
    {action}
"""


def start(folder: Path, action: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", KILLED_IN_THE_BLOCK.format(action=action), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    with start(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)") as killed:
        killed.wait()
    left = set(names(tmp_path))
    assert len(left) == 2
    with start(tmp_path, "input()") as alive:
        assert alive.stdout is not None
        alive.stdout.readline()
        with staged(tmp_path) as stage:
            (stage / "b.txt").write_text("b")
        assert not left & set(names(tmp_path))
        alive.communicate(b"\n")
    assert names(tmp_path) == ["a.txt", "b.txt"]
    assert (tmp_path / "a.txt").read_text() == "half"


OPERATIONS = ((Path, "mkdir"), (Path, "rename"), (Path, "replace"), (Path, "write_text"))


def test_whichever_operation_fails_nothing_is_left_over_and_the_next_one_works(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    for successes in range(100):
        failed = False
        with pytest.MonkeyPatch.context() as patch:
            fail_after(successes, patch, *OPERATIONS)
            try:
                with staged(tmp_path) as stage:
                    (stage / "a.txt").write_text("new")
            except OSError:
                failed = True
        assert names(tmp_path) == ["a.txt"]
        if not failed:
            break
        assert (tmp_path / "a.txt").read_text() == "old"
    assert successes > 3
    assert (tmp_path / "a.txt").read_text() == "new"
