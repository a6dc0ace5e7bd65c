"""The commands in unusual environments, and what Hydra offers with all of them. What is the same for all
commands is tested with those that do not import TensorFlow."""

import os
import subprocess
from pathlib import Path

import pytest

from project import Project

AWAY = "http://127.0.0.1:9"  # nothing answers there
UNREAD = "error: nobody reads standard output any more\n"
ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
NOTEBOOK = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def script(project: Project, name: str) -> tuple[str, str]:
    return "python", str(project.root / "src" / name)


def test_images_are_prepared_from_another_folder_in_ascii_for_a_notebook_that_reads_one_line(
    prepared: Project, tmp_path: Path
) -> None:
    command = " ".join(script(prepared, "preprocess.py"))
    output = prepared.run("sh", "-c", f"{command} | head -1", cwd=tmp_path, environment=ASCII | NOTEBOOK)
    first_line, _, rest = output.partition("\n")
    assert first_line == "training images (4000, 28, 28), labels (4000,)"
    assert rest == ""
    written = {file.name for file in (tmp_path / "outputs").rglob("*") if file.is_file()}
    assert {"train.npz", "first_nine.png", "class_counts.csv"} <= written


def test_closed_streams_do_not_matter(prepared: Project, tmp_path: Path) -> None:
    command = " ".join(script(prepared, "preprocess.py"))
    assert prepared.run("sh", "-c", f"{command} out={tmp_path} <&- >&- 2>&-") == ""
    assert (tmp_path / "data/prepared/train.npz").exists()


def test_output_that_nobody_reads_is_one_line(prepared: Project, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = script(prepared, "preprocess.py")
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=prepared.environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == UNREAD


@pytest.mark.parametrize("command", ["train.py", "compare.py", "ui.py"])
def test_a_server_that_does_not_answer_is_one_line(prepared: Project, tmp_path: Path, command: str) -> None:
    away = {"MLFLOW_TRACKING_URI": AWAY}
    output = prepared.run(*script(prepared, command), code=1, cwd=tmp_path, environment=away)
    assert output.startswith(f"error: MLFLOW_TRACKING_URI: {AWAY} does not answer")
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "word", "complaint"),
    [
        ("fetch.py", "epoch=3", "epoch: unknown key; the keys are data, "),
        ("train.py", "validation=0.3", "validation: asked for 0.3, but "),
        ("compare.py", "--nope", "unrecognized arguments: --nope; see --help"),
    ],
)
def test_a_mistake_is_one_line(
    prepared: Project, tmp_path: Path, command: str, word: str, complaint: str
) -> None:
    output = prepared.run(*script(prepared, command), word, code=1, cwd=tmp_path)
    assert output.startswith(f"error: {complaint}")
    assert output.count("\n") == 1


def test_cfg_shows_the_configuration(prepared: Project) -> None:
    output = prepared.run("python", "src/train.py", "--cfg", "job", "--resolve", "seed=7", "model=tutorial")
    assert "seed: 7\n" in output
    assert "units: 100\n" in output


def test_the_shell_completes_presets(prepared: Project) -> None:
    line = "python src/train.py model="
    completion = {"COMP_LINE": line, "COMP_POINT": str(len(line))}
    output = prepared.run("python", "src/train.py", "-sc", "query=bash", environment=completion)
    assert set(output.split()) == {
        f"model={name}" for name in ("best", "compact", "small", "tiny", "tutorial")
    }


def test_help_says_what_the_command_does_and_what_its_keys_are(prepared: Project) -> None:
    output = prepared.run("python", "src/train.py", "--help")
    assert output.startswith("Train a network on the prepared images")
    assert "  python src/train.py epochs=3\n" in output
    assert "  model=compact       preset of conf/model/: compact, small, tutorial, best, or tiny" in output


def test_runs_are_compared_from_another_folder_on_a_terminal_without_unicode(
    finished: Project, tmp_path: Path
) -> None:
    output = finished.run(*script(finished, "compare.py"), cwd=tmp_path, environment=ASCII)
    (run,) = finished.runs()
    assert f"{run.data.metrics['val_accuracy']:.4f}" in output
    assert output.isascii()
    assert "Traceback" not in output
    assert (tmp_path / "outputs/compare.png").exists()


def test_pip_ends_with_a_line_that_says_that_this_is_no_package(prepared: Project, tmp_path: Path) -> None:
    packages = str(tmp_path / "packages")
    command = (
        "python",
        "-m",
        "pip",
        "--isolated",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        packages,
        ".",
    )
    output = prepared.run(*command, code=1)
    assert "error: this is a project to work in, not a package; `make setup` installs what it needs" in output
    assert not Path(packages).exists()
    assert prepared.changes() == ""
