"""Clones, and measurements of what runs in them."""

import shutil
import subprocess
from pathlib import Path

import pytest

import measuring
from digits.config.schema import compose
from support import ROOT

COMMIT = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message"]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> measuring.Clone:
    """A clone of a project with an empty library. Python would find that of this checkout, too."""
    original = tmp_path / "original"
    (original / "src/digits").mkdir(parents=True)
    (original / "src/digits/__init__.py").touch()
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"], [*COMMIT, "state"]):
        subprocess.run(command, cwd=original, check=True)
    monkeypatch.setattr(measuring, "ROOT", original)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    return measuring.Clone(tmp_path)


def test_a_clone_imports_its_own_code(clone: measuring.Clone) -> None:
    _, output = clone.run("python", "-c", "import digits; print(digits.__file__)")
    assert Path(output.strip()) == clone.root / "src/digits/__init__.py"


def test_a_clone_records_in_a_store_of_its_own(
    clone: measuring.Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////not/this/one.db")
    again = measuring.Clone(clone.root.parent / "again")
    _, output = again.run("python", "-c", "import os; print(os.environ['MLFLOW_TRACKING_URI'])")
    assert output.startswith(f"sqlite:///{again.root}/mlflow.db")


def test_the_usage_of_a_command_includes_the_processes_that_it_started(clone: measuring.Clone) -> None:
    work = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum([0] * 20_000_000)'])"
    usage, _ = clone.run("python", "-c", work)
    alone, _ = clone.run("python", "-c", "import subprocess, sys")
    assert usage.wall >= 0.05
    assert usage.processor >= alone.processor + 0.05
    assert usage.peak >= 160_000_000  # eight bytes for each


def test_a_command_that_fails_ends_the_benchmark_with_what_it_printed(clone: measuring.Clone) -> None:
    with pytest.raises(SystemExit, match=r"(?s)python.* failed:.*the reason"):
        clone.run("python", "-c", "print('the reason'); raise SystemExit(3)")


def test_epochs_are_those_of_the_library_in_the_other_checkout(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    library = tmp_path / "src/digits/__init__.py"
    library.parent.mkdir(parents=True)
    library.write_text("raise SystemExit('the other library')\n")
    script = tmp_path / "benchmarks/epoch_seconds.py"
    script.parent.mkdir()
    shutil.copy(ROOT / "benchmarks/epoch_seconds.py", script)
    with pytest.raises(SystemExit, match=f"failed with the library in {tmp_path}"):
        measuring.epoch_seconds(tmp_path, 10)
    assert "the other library" in capfd.readouterr().err


@pytest.mark.parametrize("name", measuring.PRESETS)
def test_every_preset_composes(name: str) -> None:
    assert compose([*measuring.PRESETS[name], "epochs=4"]).epochs == 4


def test_the_spread_is_the_median_and_the_range_to_two_digits() -> None:
    assert measuring.spread([1.0, 0.5, 12.345]) == "1.00 (0.50 to 12.35)"
    assert measuring.spread([0.047, 0.043]) == "0.045 (0.043 to 0.047)"
