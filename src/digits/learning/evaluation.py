"""Scoring a trained network on a split that it has not seen."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits.data import Split
from digits.errors import UserError


@dataclasses.dataclass(frozen=True)
class Report:
    """Accuracy and loss, (10, 10) confusion counts with true classes in rows, and (n, 10)
    probabilities."""

    accuracy: float
    loss: float
    confusion: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.intp]:
        """The likeliest class of each image, (n,)."""
        predicted: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def mistakes(self) -> int:
        """How many images are wrong."""
        return int(self.confusion.sum() - self.confusion.trace())

    @property
    def error(self) -> float:
        """Percent of the images that are wrong."""
        return 100 * self.mistakes / len(self.probabilities)

    @property
    def standard_error(self) -> float:
        """Of the accuracy, from the number of images alone (binomial)."""
        return float(np.sqrt(self.accuracy * (1 - self.accuracy) / len(self.probabilities)))


def evaluate(model_file: Path, split: Split) -> Report:
    """The report of the model in `model_file`. UserError where there is none."""
    import keras
    from sklearn.metrics import confusion_matrix

    try:
        model = keras.models.load_model(model_file, compile=False)
    except (OSError, ValueError, KeyError) as error:
        reason = "is not there" if not model_file.exists() else f"is no Keras model ({error})"
        raise UserError(f"{model_file}: {reason}; `dvc repro train` trains one") from None
    probabilities = model.predict(split.images, batch_size=1000, verbose=0)
    likelihood = probabilities[np.arange(len(split)), split.labels].astype(np.float64)
    predicted = probabilities.argmax(axis=1)
    return Report(
        accuracy=float(np.mean(predicted == split.labels)),
        loss=float(-np.log(np.maximum(likelihood, 1e-7)).mean()),  # clipped as in Keras
        confusion=confusion_matrix(split.labels, predicted, labels=range(10)),
        probabilities=probabilities,
    )


def per_class(split: Split, report: Report) -> list[dict[str, float]]:
    """Precision, recall, F1 and the percentage missed of each class, with its number of images."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        split.labels, report.predicted, labels=range(10), zero_division=0
    )
    return [
        {
            "digit": digit,
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "missed": 100 * round(1 - float(recall), 9),
            "images": int(images),
        }
        for digit, (precision, recall, f1, images) in enumerate(zip(*columns, strict=True))
    ]
