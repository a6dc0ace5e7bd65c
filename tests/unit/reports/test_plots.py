"""src/plots.py: what it asks of DVC, and what it says. That the page shows charts is tested end to end."""

import sys
from pathlib import Path

import pytest

from digits.base import paths
from digits.base.errors import UserError
from digits.reports import plots
from support import run_script

DRAWN = 'var spec = {"data": [1]};'
EMPTY = "var spec = {};"
# in place of Python, which would start DVC: keeps its arguments, and leaves what DVC would leave
DVC = """#!/bin/sh
echo "$@" >arguments
{commands}
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page in a project of its own, where no browser is opened."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(plots, "open_page", lambda _: None)
    return tmp_path / "dvc_plots/index.html"


def let_dvc(monkeypatch: pytest.MonkeyPatch, page: Path, *commands: str) -> None:
    """Run shell commands in place of DVC. The folder of the page is there."""
    program = page.parents[1] / "python"
    program.write_text(DVC.format(commands="\n".join(commands)))
    program.chmod(0o755)
    page.parent.mkdir(exist_ok=True)
    monkeypatch.setattr(sys, "executable", str(program))


def draw(content: str) -> str:
    return f"echo '{content}' >dvc_plots/index.html"


@pytest.mark.parametrize(
    ("words", "asked"), [((), "show"), (("main",), "diff main"), (("main", "my-exp"), "diff main my-exp")]
)
def test_revisions_are_compared_and_without_any_the_workspace_is_shown(
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    asked: str,
) -> None:
    let_dvc(monkeypatch, page, draw(DRAWN))
    assert not run_script("plots.py", *words)
    assert capsys.readouterr().out == f"the charts are in {page.as_uri()}\n"
    arguments = (page.parents[1] / "arguments").read_text()
    assert arguments.startswith(f"-m dvc plots {asked} --html-template ")


def test_an_error_of_dvc_is_one_line_and_no_older_page_is_left(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_dvc(monkeypatch, page, "echo a note >&2", "echo ERROR: unknown revision >&2", "echo too >&2; exit 1")
    page.write_text(DRAWN)
    assert run_script("plots.py", "nope") == "error: dvc plots: unknown revision too"
    assert not page.exists()


@pytest.mark.parametrize("commands", [[draw(EMPTY)], []], ids=["an empty page", "no page"])
def test_without_charts_the_pipeline_is_to_be_run_first(
    page: Path, monkeypatch: pytest.MonkeyPatch, commands: list[str]
) -> None:
    let_dvc(monkeypatch, page, *commands)
    page.write_text(DRAWN)  # of another time
    with pytest.raises(UserError, match=r"^dvc plots: there is nothing to draw yet; .*: dvc repro$"):
        plots.show([])
    assert not page.exists()


def test_what_dvc_could_not_draw_is_passed_on(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    let_dvc(monkeypatch, page, draw(DRAWN), "echo some failed >&2")
    plots.show([])
    assert capsys.readouterr().err == "some failed\n"


def test_the_script_of_the_charts_is_written_again_only_for_another_version(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_dvc(monkeypatch, page, draw(DRAWN))
    script = page.with_name("vega.js")
    plots.show([])
    first = script.read_text()
    assert "window.vegaEmbed=" in first
    script.write_text(first.splitlines()[0] + "\n// mine")
    plots.show([])
    assert script.read_text().endswith("// mine")
    script.write_text("// of another version\n")
    plots.show([])
    assert script.read_text() == first
