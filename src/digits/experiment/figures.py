"""Draw what came of an experiment. Equal values make equal files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits.base.drawing import new_figure, save_figure, use_log_scale
from digits.data.gallery import draw_gallery
from digits.data.splits import Split
from digits.learning.history import Epoch


def draw_mistakes(title: str, split: Split, probabilities: NDArray[np.float32], file: Path) -> None:
    """Draw the 24 wrong predictions of which the network, with (n, 10) `probabilities`, was the surest."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != split.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    captions = [f"{split.labels[i]} read as {predicted[i]}\n{confidence[i]:.1%} sure" for i in worst]
    draw_gallery(title, split.images[worst], captions, 8, file)


def draw_learning_curves(title: str, history: Sequence[Epoch], file: Path) -> None:
    """Draw error rate and loss at every epoch, training beside validation. The scales are logarithmic because
    both shrink by orders of magnitude."""
    figure, (left, right) = new_figure(title, 2, 9, 3.6)
    epochs = [e.epoch for e in history]
    curves: list[tuple[str, list[float | None], list[float | None]]] = [
        ("training", [e.accuracy for e in history], [e.loss for e in history]),
        ("validation", [e.val_accuracy for e in history], [e.val_loss for e in history]),
    ]
    for name, accuracy, loss in curves:
        if None not in accuracy:
            left.plot(epochs, [100 * (1 - (a or 0)) for a in accuracy], "o-", label=name)
            right.plot(epochs, loss, "o-", label=name)
    for axis, quantity in ((left, "error, %"), (right, "cross-entropy")):
        axis.set(ylabel=quantity, xlabel="epoch")
        use_log_scale(axis)
        axis.legend()
        axis.xaxis.get_major_locator().set_params(integer=True)
    save_figure(figure, file)


def draw_confusion(title: str, matrix: NDArray[np.int64], file: Path) -> None:
    """Draw (10, 10) counts, true classes in rows and predicted ones in columns. Only mistakes are coloured,
    because the diagonal would hide them."""
    figure, (axis,) = new_figure(title, 1, 5.5, 5.7)
    wrong = matrix * (1 - np.eye(10, dtype=np.int64))
    most = max(1, wrong.max())
    axis.imshow(wrong, cmap="Reds", vmin=0, vmax=most)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            color = "white" if wrong[row, column] > 0.7 * most else "black"
            axis.text(column, row, str(count), ha="center", va="center", fontsize=9, color=color)
    axis.set(xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
    save_figure(figure, file)
