"""The scores of a trained model."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from digits.data.splits import Split
from digits.learning.evaluation import Report, class_scores, confusion_cells, evaluate
from support import CLASSES

IMAGES = 200


@pytest.fixture(scope="module")
def probabilities() -> NDArray[np.float32]:
    """(n, 10) probabilities, right more often than not."""
    logits = np.random.default_rng(0).normal(size=(IMAGES, 10)) + 2 * np.eye(10)[np.arange(IMAGES) % 10]
    exponentials = np.exp(logits)
    found: NDArray[np.float32] = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


@pytest.fixture(scope="module")
def split() -> Split:
    """Images that carry their number in every pixel. The labels are 0 to 8: there is no 9."""
    images = np.broadcast_to(np.arange(IMAGES, dtype=np.uint8)[:, None, None, None], (IMAGES, 28, 28, 1))
    labels = (np.arange(IMAGES) % 10).astype(np.uint8)
    return Split(images[labels < 9], labels[labels < 9])


def model_that_says(probabilities: NDArray[np.float32]) -> keras.Model:
    """Return a model that gives image n, which carries its number, the probabilities in row n."""
    pixels = keras.Input((28, 28, 1), dtype="uint8")
    number = keras.ops.cast(keras.layers.Flatten()(pixels)[:, 0], "int32")
    return keras.Model(pixels, keras.ops.take(keras.ops.convert_to_tensor(probabilities), number, axis=0))


@pytest.fixture(scope="module")
def report(probabilities: NDArray[np.float32], split: Split) -> Report:
    return evaluate(model_that_says(probabilities), split)


@pytest.fixture(scope="module")
def of_split(probabilities: NDArray[np.float32], split: Split) -> NDArray[np.float32]:
    """The probabilities of the images of the split."""
    return probabilities[split.images[:, 0, 0, 0]]


def test_the_probabilities_and_the_predictions_are_those_of_the_model(
    report: Report, of_split: NDArray[np.float32]
) -> None:
    np.testing.assert_allclose(report.probabilities, of_split)
    np.testing.assert_array_equal(report.predicted, of_split.argmax(axis=1))


def test_accuracy_and_error_count_right_and_wrong_images(
    report: Report, split: Split, of_split: NDArray[np.float32]
) -> None:
    wrong = int((of_split.argmax(axis=1) != split.labels).sum())
    assert 0 < wrong < len(split)
    assert report.mistakes == wrong
    assert report.accuracy == pytest.approx(1 - wrong / len(split))
    assert report.error_percent == pytest.approx(100 * wrong / len(split))


def test_the_loss_is_the_cross_entropy(report: Report, split: Split, of_split: NDArray[np.float32]) -> None:
    in_double = of_split.astype(np.float64)
    in_double /= in_double.sum(axis=1, keepdims=True)
    assert report.loss == pytest.approx(log_loss(split.labels, in_double, labels=range(10)), rel=1e-5)


def test_the_confusion_has_true_classes_in_rows_and_a_place_for_each_class(
    report: Report, split: Split, of_split: NDArray[np.float32]
) -> None:
    expected = confusion_matrix(split.labels, of_split.argmax(axis=1), labels=range(10))
    assert report.confusion.shape == (10, 10)
    np.testing.assert_array_equal(report.confusion, expected)


def test_the_balanced_accuracy_is_the_mean_over_the_classes_that_have_images(
    report: Report, split: Split, of_split: NDArray[np.float32]
) -> None:
    predicted = of_split.argmax(axis=1)
    shares = [np.mean(predicted[split.labels == label] == label) for label in range(9)]
    assert report.balanced_accuracy == pytest.approx(np.mean(shares))


def test_a_rare_class_counts_as_much_as_a_frequent_one() -> None:
    confusion = np.array([[90, 0], [10, 0]])
    report = Report(0.9, 0.5, confusion, np.zeros((100, 2), np.float32))
    assert report.balanced_accuracy == 0.5


def test_the_standard_error_is_that_of_a_share() -> None:
    report = Report(0.75, 0.5, np.zeros((10, 10), np.int64), np.zeros((400, 10), np.float32))
    assert report.standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 400))


def test_precision_recall_and_f1_are_those_of_each_class(
    report: Report, split: Split, of_split: NDArray[np.float32]
) -> None:
    rows = class_scores(split, report, CLASSES)
    assert [row["class"] for row in rows] == list(CLASSES)
    expected = precision_recall_fscore_support(
        split.labels, of_split.argmax(axis=1), labels=range(10), zero_division=0
    )
    for name, values in zip(("precision", "recall", "f1", "images"), expected, strict=True):
        assert [row[name] for row in rows] == pytest.approx(list(values))


def test_the_confusion_is_written_as_a_row_for_each_pair_of_classes_in_their_order() -> None:
    cells = confusion_cells(np.array([[9, 0], [2, 7]]), ["ten", "two"])
    assert [tuple(cell.values()) for cell in cells] == [
        *(("ten", "ten", 9), ("ten", "two", 0)),
        *(("two", "ten", 2), ("two", "two", 7)),
    ]


def test_of_many_classes_the_most_frequent_mistakes_are_written() -> None:
    names, confusion = [f"class {n}" for n in range(100)], 9 * np.eye(100, dtype=np.int64)
    (only,) = confusion_cells(confusion, names)  # a table has a row, or DVC could not read it
    assert only == {"actual": "class 0", "predicted": "class 0", "images": 9}
    confusion[7, 3], confusion[2, 5] = 4, 1
    assert confusion_cells(confusion, names) == [
        {"actual": "class 2", "predicted": "class 5", "images": 1},
        {"actual": "class 7", "predicted": "class 3", "images": 4},
    ]
    confusion[50:, 0] = range(2, 52)
    cells = confusion_cells(confusion, names)
    assert [cell["images"] for cell in cells] == list(range(22, 52))


@pytest.fixture(scope="module")
def four() -> tuple[Split, Report]:
    """Two zeros that are predicted with 60 %, one 1 with 60 %, and one 1 of which 40 % are thought."""
    split = Split(
        np.arange(4, dtype=np.uint8)[:, None, None, None] + np.zeros((4, 28, 28, 1), np.uint8),
        np.array([0, 0, 1, 1], np.uint8),
    )
    said = np.zeros((4, 10), np.float32)
    said[:, :2] = [[0.6, 0.4], [0.6, 0.4], [0.4, 0.6], [0.6, 0.4]]
    return split, evaluate(model_that_says(said), split)


def test_four_images_have_the_scores_that_one_can_compute_by_hand(four: tuple[Split, Report]) -> None:
    _, report = four
    assert report.accuracy == 0.75
    assert report.error_percent == 25
    assert report.loss == pytest.approx(-np.mean(np.log([0.6, 0.6, 0.6, 0.4])))
    assert report.confusion[:2, :2].tolist() == [[2, 0], [1, 1]]
    assert report.confusion.sum() == 4


def test_four_images_have_the_class_scores_that_one_can_compute_by_hand(four: tuple[Split, Report]) -> None:
    zero, one, two = class_scores(*four, CLASSES)[:3]
    assert zero["precision"] == pytest.approx(2 / 3)
    assert (zero["recall"], zero["missed_percent"], zero["images"]) == (1, 0, 2)
    assert (one["precision"], one["recall"], one["missed_percent"]) == (1, 0.5, 50)
    assert (two["precision"], two["recall"], two["missed_percent"], two["images"]) == (0, 0, 100, 0)


def test_the_percentage_missed_has_no_digits_of_rounding_errors() -> None:
    predicted = [0] * 7 + [1] * 3  # a recall of 0.7, and 1 - 0.7 is 0.30000000000000004
    split = Split(np.zeros((10, 28, 28, 1), np.uint8), np.zeros(10, np.uint8))
    confusion = confusion_matrix(split.labels, predicted, labels=range(10))
    report = Report(0.7, 1.0, confusion, np.eye(10, dtype=np.float32)[predicted])
    assert class_scores(split, report, CLASSES)[0]["missed_percent"] == 30


def test_a_sure_mistake_has_a_finite_loss() -> None:
    split = Split(np.zeros((1, 28, 28, 1), np.uint8), np.array([3], np.uint8))
    report = evaluate(model_that_says(np.eye(10, dtype=np.float32)[[5]]), split)
    assert report.loss == pytest.approx(-np.log(1e-7))
