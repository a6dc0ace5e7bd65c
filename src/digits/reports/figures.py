"""Draw comparisons of runs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from digits.base.drawing import new_figure, save_figure, use_log_scale

if TYPE_CHECKING:
    from digits.reports.ranking import Group

Points = Sequence[tuple[int, float]]
Curves = Mapping[str, Mapping[str, Sequence[Points]]]


def draw_ranking(title: str, groups: Sequence[Group], labels: Sequence[str], file: Path) -> None:
    """Draw the error of the groups, in percent, on validation and test images. Bars are standard deviations
    over seeds."""
    figure, (axis,) = new_figure(title, 1, 8, 1.5 + 0.3 * len(groups))
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
    save_figure(figure, file)


def draw_curves(title: str, groups: Curves, file: Path) -> None:
    """Draw the error of each group at every epoch, in percent, in training beside validation.

    A group has a list of (epoch, accuracy) for each of its runs, under `accuracy` and `val_accuracy`.
    """
    figure, axes = new_figure(title, 2, 11, 4.5)
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
        use_log_scale(axis)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", fontsize=8)
    save_figure(figure, file)


def import_matplotlib() -> None:
    """Import what the first picture would import, and read the fonts, by drawing one of nothing."""
    figure, _ = new_figure("", 1, 1, 1)
    figure.savefig(io.BytesIO())
