"""Draw what came of an experiment. Equal values make equal files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits.base.drawing import new_figure, save_figure, use_log_scale
from digits.data.gallery import draw_gallery, short_name
from digits.data.splits import Split
from digits.learning.evaluation import MOST_IN_MATRIX, most_frequent_mistakes
from digits.learning.history import Epoch


def draw_mistakes(
    title: str, split: Split, probabilities: NDArray[np.float32], classes: Sequence[str], file: Path
) -> None:
    """Draw the 24 wrong predictions of which the network, with these (n, classes) `probabilities`, was the
    surest."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != split.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    names = [short_name(name) for name in classes]
    between = " read as " if max(map(len, names)) <= 2 else "\nas "
    captions = [
        f"{names[split.labels[i]]}{between}{names[predicted[i]]}\n{confidence[i]:.1%} sure" for i in worst
    ]
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


def draw_confusion(title: str, matrix: NDArray[np.int64], classes: Sequence[str], file: Path) -> None:
    """Draw (classes, classes) counts, true classes in rows and predicted ones in columns. Only mistakes are
    coloured, because the diagonal would hide them. Of many classes the most frequent mistakes are drawn."""
    wrong = matrix * (1 - np.eye(len(matrix), dtype=np.int64))
    if len(matrix) > MOST_IN_MATRIX:
        _draw_most_frequent(title, wrong, classes, file)
        return
    side = max(5.5, 1.6 + 0.34 * len(matrix))  # inches
    figure, (axis,) = new_figure(title, 1, side, side + 0.2)
    most = max(1, wrong.max())
    axis.imshow(wrong, cmap="Reds", vmin=0, vmax=most)
    size = 9 if len(matrix) <= 10 else 6.5
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            color = "white" if wrong[row, column] > 0.7 * most else "black"
            axis.text(column, row, str(count), ha="center", va="center", fontsize=size, color=color)
    names = [short_name(name) for name in classes]
    axis.set(xlabel="predicted", ylabel="true", xticks=range(len(names)), yticks=range(len(names)))
    upright = 0 if max(map(len, names)) <= 2 else 90  # degrees; longer names would overlap side by side
    axis.set_xticklabels(names, rotation=upright)
    axis.set_yticklabels(names)
    save_figure(figure, file)


def _draw_most_frequent(title: str, wrong: NDArray[np.int64], classes: Sequence[str], file: Path) -> None:
    """Draw a bar for each of the most frequent mistakes."""
    pairs = most_frequent_mistakes(wrong)
    figure, (axis,) = new_figure(title, 1, 8, 1.2 + 0.22 * len(pairs))
    cut = [short_name(name, 24) for name in classes]
    names = [f"{cut[true]} read as {cut[read]}" for true, read, _ in pairs]
    bars = axis.barh(range(len(pairs)), [count for *_, count in pairs], color="tab:red")
    axis.bar_label(bars, fontsize=8, padding=2)
    axis.set(yticks=range(len(pairs)), ylim=(max(1, len(pairs)) - 0.5, -0.5), xlabel="images")
    axis.set_yticklabels(names, fontsize=8)
    axis.set_title(
        f"the {len(pairs)} most frequent of {np.count_nonzero(wrong):,} kinds of mistakes", fontsize=9
    )
    axis.xaxis.get_major_locator().set_params(integer=True)
    save_figure(figure, file)
