"""The table and the picture of what bench.py measured."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from digits.base import files
from measuring import PRESETS, spread

PLAIN = "plain script"
QUANTITIES = ("train_seconds", "processor_seconds", "peak_bytes")
PUBLISHED = 98.78  # the tutorial's own figure, in percent

Row = dict[str, Any]  # one measurement: a training with one seed


def to_markdown(rows: Sequence[Row]) -> str:
    """Return a table in Markdown with a line for each contestant: mean and standard deviation of the test
    accuracy, and medians and ranges of the ratios to the plain script."""
    lines = [
        "| | parameters | epochs | test accuracy, % | seeds | training time | processor time | peak memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in by_name(rows).items():
        scores = [100 * row["test_accuracy"] for row in found]
        deviation = f" ± {statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
        ratios = [spread([row[f"{quantity}_ratio"] for row in found]) for quantity in QUANTITIES]
        cells = [
            name,
            f"{found[0]['parameters']:,}",
            str(found[0]["epochs"]),
            f"{statistics.mean(scores):.2f}{deviation}",
            str(len(found)),
            *(["1"] * 3 if name == PLAIN else ratios),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[Row], file: Path) -> None:
    """Draw test error against training time, a dot for each seed. Both axes are logarithmic, since what is
    left to gain shrinks by orders of magnitude."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axis = figure.subplots()
    left, right, bottom, top = 0.02, 50.0, 0.2, 2.0
    for name, found in by_name(rows).items():
        times = [row["train_seconds_ratio"] for row in found]
        errors = [100 * (1 - row["test_accuracy"]) for row in found]
        left, right, top = min(left, *times), max(right, *times), max(top, *errors)
        dots = axis.scatter(times, errors, s=14, alpha=0.5)
        middle = (statistics.median(times), statistics.mean(errors))
        axis.plot(*middle, "o", color=dots.get_facecolor()[0], alpha=1, ms=8)
        # to the left where the plain script's name is to the right
        offset, side = ((-8, 4), "right") if name == "tutorial" else ((8, 4), "left")
        axis.annotate(name, middle, offset, textcoords="offset points", fontsize=10, ha=side)
    axis.axhline(100 - PUBLISHED, color="gray", ls="--", lw=1)
    note: Any = {"textcoords": "offset points", "fontsize": 8, "color": "gray"}
    axis.annotate("the tutorial's published figure", (0.1, 100 - PUBLISHED), (0, 4), **note)
    axis.set(xscale="log", yscale="log", ylabel="test error, %", xlabel="training time, plain script = 1")
    axis.set(xlim=(left, right), ylim=(bottom, top))
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ticks.set_major_formatter("{x:g}")
        ticks.set_minor_locator(NullLocator())
    axis.grid(alpha=0.3)
    figure.savefig(files.with_parents(file), dpi=110, metadata={"Software": None})


def by_name(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each contestant that has some, the plain script first."""
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["name"]].append(row)
    return {name: groups[name] for name in (PLAIN, *PRESETS) if name in groups}
