"""Which code a run comes from."""

import subprocess
from pathlib import Path

import pytest

from digits.tracking import origin


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one committed source file, which the library takes for the project."""
    for variable in ("DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(origin, "ROOT", tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/train.py").write_text("committed\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "state")
    return tmp_path


def test_the_commit_is_named_and_unchanged_code_is_clean(checkout: Path) -> None:
    assert origin.origin() == {"git_commit": git(checkout, "rev-parse", "HEAD"), "git_clean": "true"}


@pytest.mark.parametrize("file", ["src/train.py", "src/new.py"])
def test_code_that_differs_from_the_commit_is_not_clean(checkout: Path, file: str) -> None:
    (checkout / file).write_text("changed\n")
    assert origin.origin()["git_clean"] == "false"


def test_what_is_not_committed_is_shown_except_files_that_git_does_not_know(checkout: Path) -> None:
    assert origin.uncommitted() == ""
    (checkout / "src/train.py").write_text("changed\n")
    (checkout / "src/secret.py").write_text("a password\n")
    (checkout / "notes.txt").write_text("not code\n")
    patch = origin.uncommitted()
    assert "-committed\n+changed" in patch
    assert patch.startswith("not in git, and not shown: src/secret.py\n")
    assert "a password" not in patch
    assert "notes" not in patch


def test_a_long_patch_is_cut(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "LONGEST_PATCH", 100)
    (checkout / "src/train.py").write_text("changed\n" * 1000)
    assert len(origin.uncommitted()) < 200
    assert origin.uncommitted().endswith("(the rest is left out)\n")


def test_a_change_that_is_not_code_leaves_the_code_clean(checkout: Path) -> None:
    (checkout / "params.yaml").write_text("seed: 1\n")
    assert origin.origin()["git_clean"] == "true"


@pytest.mark.usefixtures("checkout")
def test_an_experiment_of_dvc_is_named_with_its_stage_and_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "train")
    monkeypatch.setenv("DVC_EXP_NAME", "tidy-otter")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0123abc")
    assert origin.origin() == {
        "dvc_stage": "train",
        "dvc_experiment": "tidy-otter",
        "git_commit": "0123abc",
        "git_clean": "true",
    }


def test_without_a_repository_nothing_is_claimed(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp()))
    monkeypatch.setattr(origin, "ROOT", tmp_path_factory.mktemp("plain"))
    assert checkout.exists()
    assert origin.origin() == {}
