from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from digits import evaluation, figures
from digits.data import Split
from digits.errors import UserError


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says 0 with 60 % and 1 with 40 %, or the other way round if the image is bright."""
    pixels = keras.Input((28, 28, 1), dtype="uint8")
    bright = keras.ops.cast(keras.layers.Flatten()(pixels)[:, :1] > 127, "float32")
    rest = keras.ops.zeros_like(keras.ops.tile(bright, (1, 8)))
    output = keras.ops.concatenate([0.6 - 0.2 * bright, 0.4 + 0.2 * bright, rest], axis=1)
    file = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Model(pixels, output).save(file)
    return file


@pytest.fixture(scope="module")
def split() -> Split:
    """Two dark zeros, one bright one, and one dark image labelled 1, which the model gets wrong."""
    images = np.zeros((4, 28, 28, 1), np.uint8)
    images[2] = 255
    return Split(images, np.array([0, 0, 1, 1], np.uint8))


def test_the_report_counts_what_the_model_says(model_file: Path, split: Split) -> None:
    report = evaluation.evaluate(model_file, split)
    assert report.accuracy == 0.75
    assert report.error == 25
    assert report.loss == pytest.approx(-np.mean(np.log([0.6, 0.6, 0.6, 0.4])))
    assert report.standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 4))
    assert report.confusion[:2, :2].tolist() == [[2, 0], [1, 1]]
    assert report.confusion.sum() == 4


def test_precision_and_recall_are_those_of_each_class(model_file: Path, split: Split) -> None:
    rows = evaluation.per_class(split, evaluation.evaluate(model_file, split))
    assert [row["digit"] for row in rows] == list(range(10))
    zero, one, two = rows[:3]
    assert zero["precision"] == pytest.approx(2 / 3)
    assert (zero["recall"], zero["images"]) == (1, 2)
    assert (one["precision"], one["recall"], one["missed"]) == (1, 0.5, 50)
    assert (two["precision"], two["recall"], two["images"]) == (0, 0, 0)


def test_a_missing_model_is_refused(split: Split, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model.keras: is not there; `dvc repro train`"):
        evaluation.evaluate(tmp_path / "model.keras", split)


def test_a_file_that_is_no_model_is_refused(split: Split, tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_text("nothing of the kind")
    with pytest.raises(UserError, match=r"model.keras: is no Keras model"):
        evaluation.evaluate(tmp_path / "model.keras", split)


def test_equal_values_make_equal_pictures(
    model_file: Path, split: Split, tmp_path: Path, make_split: Callable[[int], Split]
) -> None:
    report = evaluation.evaluate(model_file, split)
    for name in ("a", "b"):
        figures.mistakes("title", split, report.probabilities, tmp_path / name / "mistakes.png")
        figures.confusion("title", report.confusion, tmp_path / name / "confusion.png")
        figures.first_nine("title", make_split(20), tmp_path / name / "first_nine.png")
    for picture in ("mistakes.png", "confusion.png", "first_nine.png"):
        content = (tmp_path / "a" / picture).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert content == (tmp_path / "b" / picture).read_bytes()


def test_a_network_without_mistakes_has_a_picture_too(split: Split, tmp_path: Path) -> None:
    figures.mistakes("title", split, np.eye(10, dtype=np.float32)[split.labels], tmp_path / "mistakes.png")
    assert (tmp_path / "mistakes.png").exists()
