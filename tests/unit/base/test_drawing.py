"""Figures as files."""

import os
import subprocess
import sys
from pathlib import Path

from digits.base.drawing import new_figure, save_figure, use_log_scale
from digits.base.paths import ROOT


def draw(value: float, file: Path) -> bytes:
    figure, (axis,) = new_figure("title", 1, 2, 2)
    axis.plot([1, value])
    save_figure(figure, file)
    return file.read_bytes()


def test_equal_values_make_equal_files(tmp_path: Path) -> None:
    first, again, other = (draw(value, tmp_path / "a/figure.png") for value in (2, 2, 3))
    assert first == again != other


def test_a_notebooks_backend_does_not_matter(tmp_path: Path) -> None:
    """In a process of its own, since matplotlib looks at the variable when it is imported."""
    code = (
        "import sys; from pathlib import Path; from digits.base.drawing import new_figure, save_figure; "
        "save_figure(new_figure('title', 1, 2, 2)[0], Path(sys.argv[1]))"
    )
    changed = {"PYTHONPATH": str(ROOT / "src"), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    file = tmp_path / "figure.png"
    subprocess.run([sys.executable, "-c", code, file], env=os.environ | changed, check=True)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_axes_stand_side_by_side() -> None:
    _, axes = new_figure("title", 3, 4, 2)
    assert len(axes) == 3
    assert len({axis.get_position().y0 for axis in axes}) == 1


def test_a_log_scale_has_plain_numbers_at_its_ticks() -> None:
    figure, (axis,) = new_figure("title", 1, 3, 3)
    axis.plot([0.02, 0.7])
    use_log_scale(axis)
    figure.draw_without_rendering()
    assert axis.get_yscale() == "log"
    labels = [label.get_text() for label in (*axis.get_yticklabels(), *axis.get_yticklabels(minor=True))]
    assert {"0.1", "0.2", "0.05"} <= set(labels)
