"""Pictures of ranked groups."""

from pathlib import Path

from digits.reports import figures
from digits.reports.ranking import Group
from support import make_record

PNG = b"\x89PNG"
GROUPS = [
    Group({"model": "a"}, [make_record(metrics={"val_accuracy": 0.9}), make_record()]),
    Group({"model": "b"}, [make_record(metrics={"val_accuracy": 0.7, "test_accuracy": 0.6})]),
]


def test_a_ranking_is_drawn_with_and_without_test_scores(tmp_path: Path) -> None:
    figures.draw_ranking("title", GROUPS, ["a", "b"], tmp_path / "new/ranking.png")
    assert (tmp_path / "new/ranking.png").read_bytes().startswith(PNG)


def test_learning_curves_of_several_runs_are_drawn(tmp_path: Path) -> None:
    points = [(1, 0.5), (2, 0.9)]
    curves = {"a": {"accuracy": [points, points], "val_accuracy": [points, []]}}
    figures.draw_curves("title", curves, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(PNG)


def test_equal_values_make_equal_files(tmp_path: Path) -> None:
    for name in ("first.png", "second.png"):
        figures.draw_ranking("title", GROUPS, ["a", "b"], tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
