"""Figures as files."""

from pathlib import Path

from digits.base.drawing import new_figure, save_figure, use_log_scale


def draw(value: float, file: Path) -> bytes:
    figure, (axis,) = new_figure("title", 1, 2, 2)
    axis.plot([1, value])
    save_figure(figure, file)
    return file.read_bytes()


def test_equal_values_make_equal_files(tmp_path: Path) -> None:
    first, again, other = (draw(value, tmp_path / "a/figure.png") for value in (2, 2, 3))
    assert first == again != other


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
