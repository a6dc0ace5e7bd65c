"""The figures of an experiment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from digits.data.splits import Split
from digits.experiment import figures
from digits.learning.history import Epoch
from support import CLASSES, MakeSplit

HISTORY = [
    Epoch(number, 1 - 0.1 / number, 0.3 / number, 1 - 0.2 / number, 1 - 0.2 / number, 0.4 / number, 0.1, 5)
    for number in (1, 2, 3)
]
SURE = np.eye(10, dtype=np.float32)


def confusion(wrong: int) -> Any:
    """Return counts of 100 images, of which `wrong` threes are read as fives."""
    counts = 10 * np.eye(10, dtype=np.int64)
    counts[3, 3] -= wrong
    counts[3, 5] += wrong
    return counts


def probabilities(split: Split, wrong: int) -> Any:
    """Return (n, 10) probabilities: the first `wrong` images are read as the next digit, each surer than the
    one before."""
    found = SURE[split.labels]
    for row in range(wrong):
        label, confidence = int(split.labels[row]), 0.6 + 0.3 * row / wrong
        found[row] = confidence * SURE[(label + 1) % 10] + (1 - confidence) * SURE[label]
    return found


DRAW: dict[str, Callable[[Split, int, Path], None]] = {
    "learning curves": lambda _, n, file: figures.draw_learning_curves("title", HISTORY[:n], file),
    "confusion": lambda _, n, file: figures.draw_confusion("title", confusion(n), CLASSES, file),
    "mistakes": lambda split, n, file: figures.draw_mistakes(
        "title", split, probabilities(split, n), CLASSES, file
    ),
}


@pytest.mark.parametrize("figure", DRAW)
def test_equal_values_alone_make_equal_files(make_split: MakeSplit, tmp_path: Path, figure: str) -> None:
    split, content = make_split(30), {}
    for name, value in (("one", 3), ("same", 3), ("other", 2)):
        DRAW[figure](split, value, tmp_path / name / "figure.png")
        content[name] = (tmp_path / name / "figure.png").read_bytes()
    assert content["one"].startswith(b"\x89PNG")
    assert content["one"] == content["same"] != content["other"]


def test_a_network_without_mistakes_has_a_picture_too(make_split: MakeSplit, tmp_path: Path) -> None:
    split = make_split(10)
    figures.draw_mistakes("title", split, SURE[split.labels], CLASSES, tmp_path / "mistakes.png")
    figures.draw_confusion("title", confusion(0), CLASSES, tmp_path / "confusion.png")
    hundred = [str(n) for n in range(100)]
    figures.draw_confusion("title", np.eye(100, dtype=np.int64), hundred, tmp_path / "bars.png")
    for name in ("mistakes.png", "confusion.png", "bars.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_surest_mistakes_are_drawn_first_and_not_more_than_24(
    make_split: MakeSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(figures, "draw_gallery", lambda *arguments: drawn.append(arguments))
    split = make_split(40)
    figures.draw_mistakes("title", split, probabilities(split, 30), CLASSES, tmp_path / "mistakes.png")
    ((_, images, captions, *_),) = drawn
    np.testing.assert_array_equal(images, split.images[29:5:-1])
    assert captions[0] == "9 read as 0\n89.0% sure"  # image 29
    assert len(captions) == 24


@pytest.mark.parametrize(
    "history",
    [
        HISTORY[:1],
        [Epoch(number, 0.9, 0.3, None, None, None, 0.1, 5) for number in (1, 2)],
        [Epoch(1, 1, 0.01, 1, 1, 0.02, 0.1, 5)],
    ],
    ids=["one epoch", "no validation", "no errors"],
)
def test_learning_curves_are_drawn_of_every_history(tmp_path: Path, history: list[Epoch]) -> None:
    figures.draw_learning_curves("title", history, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("classes", "widest"), [(10, 700), (26, 1300), (100, 900), (1000, 900)])
def test_a_confusion_of_many_classes_stays_small(tmp_path: Path, classes: int, widest: int) -> None:
    matrix = np.random.default_rng(0).integers(0, 3, (classes, classes))
    names = [f"a class with a long name {number}" for number in range(classes)]
    figures.draw_confusion("title", matrix, names, tmp_path / "confusion.png")
    height, width = imread(tmp_path / "confusion.png").shape[:2]
    assert max(height, width) <= widest


def test_of_many_classes_the_most_frequent_mistakes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = 100 * np.eye(100, dtype=np.int64)
    matrix[7, 9], matrix[50, 3] = 4, 12
    drawn: list[Any] = []
    monkeypatch.setattr(figures, "save_figure", lambda figure, _: drawn.append(figure))
    figures.draw_confusion("title", matrix, [f"class {n}" for n in range(100)], tmp_path / "a.png")
    (axis,) = drawn[0].axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "class 50 read as class 3",
        "class 7 read as class 9",
    ]
    assert [bar.get_width() for bar in axis.patches] == [12, 4]


def test_long_names_stand_below_each_other(
    make_split: MakeSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(figures, "draw_gallery", lambda *arguments: drawn.append(arguments))
    split, names = make_split(10), ["a very long name", *map(str, range(1, 10))]
    figures.draw_mistakes("title", split, probabilities(split, 10), names, tmp_path / "mistakes.png")
    assert drawn[0][2][0] == "9\nas a very…ng name\n87.0% sure"
