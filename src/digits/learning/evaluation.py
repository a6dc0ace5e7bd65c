"""Score a trained model on images that it was not trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from digits.data.splits import Split

MOST_IN_MATRIX = 30  # classes; a larger matrix cannot be read
MOST_MISTAKES = 30  # kinds of mistakes that are shown if there are more classes


@dataclasses.dataclass(frozen=True)
class Report:
    """Accuracy and loss (cross-entropy), (classes, classes) counts with true classes in rows, and
    (n, classes) probabilities."""

    accuracy: float
    loss: float
    confusion: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.intp]:
        """The most probable class of each image, (n,)."""
        predicted: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def mistakes(self) -> int:
        """How many images are wrong."""
        return int(self.confusion.sum() - self.confusion.trace())

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the classes that have images of the share that is right (Brodersen et al., 2010)."""
        images = self.confusion.sum(axis=1)
        return float(np.mean(self.confusion.diagonal()[images > 0] / images[images > 0]))

    @property
    def error_percent(self) -> float:
        """Percentage of the images that are wrong."""
        return 100 * self.mistakes / len(self.probabilities)

    @property
    def standard_error(self) -> float:
        """The binomial standard error of the accuracy."""
        return float(np.sqrt(self.accuracy * (1 - self.accuracy) / len(self.probabilities)))


def evaluate(model: keras.Model, split: Split) -> Report:
    """Return how `model` does on `split`."""
    probabilities = model.predict(split.images, batch_size=1000, verbose=0)
    likelihood = probabilities[np.arange(len(split)), split.labels].astype(np.float64)
    predicted = probabilities.argmax(axis=1)
    return Report(
        accuracy=float(np.mean(predicted == split.labels)),
        loss=float(-np.log(np.maximum(likelihood, 1e-7)).mean()),  # clipped as Keras does
        confusion=confusion_matrix(split.labels, predicted, labels=range(probabilities.shape[1])),
        probabilities=probabilities,
    )


def answers(split: Split, predicted: NDArray[np.intp], classes: Sequence[str]) -> list[dict[str, str]]:
    """Return the name of the true class and of the predicted one for each image."""
    pairs = zip(split.labels, predicted, strict=True)
    return [{"actual": classes[actual], "predicted": classes[answer]} for actual, answer in pairs]


def most_frequent_mistakes(confusion: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return true class, predicted class and number of images of the most frequent kinds of mistakes."""
    wrong = confusion * (1 - np.eye(len(confusion), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_MISTAKES]
    cells = ((*divmod(int(each), len(wrong)), int(wrong.flat[each])) for each in order)
    return [cell for cell in cells if cell[2]]


def confusion_cells(confusion: NDArray[np.int64], classes: Sequence[str]) -> list[dict[str, object]]:
    """Return the number of images for each true class and each predicted one. With more than MOST_IN_MATRIX
    classes, return the most frequent mistakes, or the first class alone if there are none."""
    cells = [(*cell, int(count)) for cell, count in np.ndenumerate(confusion)]
    if len(classes) > MOST_IN_MATRIX:
        cells = sorted(most_frequent_mistakes(confusion)) or cells[:1]
    return [{"actual": classes[i], "predicted": classes[j], "images": images} for i, j, images in cells]


def class_scores(split: Split, report: Report, classes: Sequence[str]) -> list[dict[str, object]]:
    """Return precision, recall, F1, the percentage missed, and the number of images of each class."""
    columns = precision_recall_fscore_support(
        split.labels, report.predicted, labels=range(len(classes)), zero_division=0
    )
    return [
        {
            "class": name,
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "missed_percent": 100 * round(1 - float(recall), 9),
            "images": int(images),
        }
        for name, precision, recall, f1, images in zip(classes, *columns, strict=True)
    ]
