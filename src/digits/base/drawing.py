"""Draw and save figures with matplotlib. Equal values make equal files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from digits.base import files


def new_figure(title: str, columns: int, width: float, height: float) -> Any:
    """Return a figure of `width` x `height` inches and an array of its `columns` axes, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=10)
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def save_figure(figure: Any, file: Path) -> None:
    """Write a PNG without the version of matplotlib in it."""
    figure.savefig(files.with_parents(file), dpi=110, metadata={"Software": None})


def use_log_scale(axis: Any) -> None:
    """Make the vertical axis logarithmic, with plain numbers at its ticks, if it has a value above zero."""
    from matplotlib.ticker import LogLocator

    if not math.isfinite(axis.dataLim.minposy):
        return
    axis.set_yscale("log")
    axis.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:.2g}")
    axis.grid(alpha=0.3, which="both")
