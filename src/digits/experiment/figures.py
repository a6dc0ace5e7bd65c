"""The pictures. Equal values make equal files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digits import files
from digits.data import Split

if TYPE_CHECKING:
    from digits.comparison import Group
    from digits.training import Epoch


def _axes(title: str, columns: int, width: float, height: float) -> Any:
    """A new figure, in inches, and its axes, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=10)
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _save(figure: Any, file: Path) -> None:
    figure.savefig(files.create(file), dpi=110, metadata={"Software": None})


def _logarithmic(axis: Any) -> None:
    from matplotlib.ticker import LogLocator

    axis.set_yscale("log")
    axis.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:.2g}")
    axis.grid(alpha=0.3, which="both")


def _gallery(
    title: str, images: NDArray[np.uint8], captions: Sequence[str], columns: int, file: Path
) -> None:
    rows = max(1, -(-len(images) // columns))
    figure, (axis,) = _axes(title, 1, 1.25 * columns, 0.4 + 1.5 * rows)
    side, width, height = 28, 35, 42  # of an image, and of its place with the caption above it
    for n, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = (n // columns + 1) * height - side, n % columns * width
        extent = (left, left + side, top + side, top)
        axis.imshow(image.squeeze(-1), cmap="gray_r", vmin=0, vmax=255, extent=extent)
        axis.text(left + side / 2, top - 1, caption, ha="center", va="bottom", fontsize=9)
    # one pair of axes, since 24 of them take five times as long
    axis.set(xlim=(0, columns * width - (width - side)), ylim=(rows * height, 0))
    axis.set_axis_off()
    _save(figure, file)


def first_nine(title: str, split: Split, file: Path) -> None:
    """The first nine images under their labels, three by three."""
    _gallery(title, split.images[:9], [str(label) for label in split.labels[:9]], 3, file)


def mistakes(title: str, split: Split, probabilities: NDArray[np.float32], file: Path) -> None:
    """The 24 wrong predictions of which the network, (n, 10) `probabilities`, was the surest."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != split.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    captions = [f"{split.labels[i]} read as {predicted[i]}\n{confidence[i]:.1%} sure" for i in worst]
    _gallery(title, split.images[worst], captions, 8, file)


def learning_curves(title: str, history: Sequence[Epoch], file: Path) -> None:
    """Error rate and loss at every epoch, training beside validation; logarithmic, since both
    shrink by orders of magnitude."""
    figure, (left, right) = _axes(title, 2, 9, 3.6)
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
        _logarithmic(axis)
        axis.legend()
        axis.xaxis.get_major_locator().set_params(integer=True)
    _save(figure, file)


def confusion(title: str, matrix: NDArray[np.int64], file: Path) -> None:
    """Rows are the true classes, columns the predicted; (10, 10) counts. Colours show mistakes only,
    which the diagonal would drown."""
    figure, (axis,) = _axes(title, 1, 5.5, 5.7)
    wrong = matrix * (1 - np.eye(10, dtype=np.int64))
    most = max(1, wrong.max())
    axis.imshow(wrong, cmap="Reds", vmin=0, vmax=most)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            color = "white" if wrong[row, column] > 0.7 * most else "black"
            axis.text(column, row, str(count), ha="center", va="center", fontsize=9, color=color)
    axis.set(xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
    _save(figure, file)


def ranking(title: str, groups: Sequence[Group], labels: Sequence[str], file: Path) -> None:
    """The error of the groups, percent, on validation and test images; bars are standard deviations
    over the seeds."""
    figure, (axis,) = _axes(title, 1, 8, 1.5 + 0.3 * len(groups))
    for name, metric, offset in (("validation", "val_accuracy", -0.1), ("test", "test_accuracy", 0.1)):
        scores = [(row, score) for row, group in enumerate(groups) if (score := group.score(metric))]
        axis.errorbar(
            [100 * (1 - score.mean) for _, score in scores],
            [row + offset for row, _ in scores],
            xerr=[100 * (score.deviation or 0) for _, score in scores],
            fmt="o",
            capsize=3,
            label=name,
        )
    axis.set(xlabel="error, %", yticks=range(len(groups)), yticklabels=labels)
    axis.invert_yaxis()
    axis.grid(alpha=0.3)
    axis.legend()
    _save(figure, file)


Points = Sequence[tuple[int, float]]


def curves(title: str, groups: Mapping[str, Mapping[str, Sequence[Points]]], file: Path) -> None:
    """The error of each group at every epoch, percent, in training beside validation; a line for each
    replicate, given as (epoch, accuracy) under `accuracy` and `val_accuracy`."""
    figure, axes = _axes(title, 2, 11, 4.5)
    for axis, metric, name in zip(
        axes, ("accuracy", "val_accuracy"), ("training", "validation"), strict=True
    ):
        for number, (label, series) in enumerate(groups.items()):
            for replicate, points in enumerate(series[metric]):
                axis.plot(
                    [epoch for epoch, _ in points],
                    [100 * (1 - accuracy) for _, accuracy in points],
                    color=f"C{number}",
                    label=None if replicate else label,
                    alpha=0.7,
                )
        axis.set(xlabel="epoch", ylabel=f"{name} error, %")
        _logarithmic(axis)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", fontsize=8)
    _save(figure, file)
