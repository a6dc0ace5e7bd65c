"""Comparing runs: replicates over seeds folded into one row, rows ranked by validation accuracy.

The test accuracy stands beside it and decides nothing.
"""

from __future__ import annotations

import dataclasses
import math
import shlex
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from digits.config import FROM_RECIPE, flat

if TYPE_CHECKING:
    from digits.store import Record

REPLICATE = "seed"
LOWER_IS_BETTER = ("loss", "error", "seconds")
# what follows from a preset tells two runs apart only if both have that preset
FROM_MODEL = ("parameters",)


@dataclasses.dataclass(frozen=True)
class Score:
    """Mean and sample standard deviation (None for a single value) of `count` values."""

    mean: float
    deviation: float | None
    count: int

    def __str__(self) -> str:
        return _text(self.mean, self.deviation)


def _text(value: float, spread: float | None) -> str:
    digits = 4 if abs(value) < 10 else 1  # accuracies and losses, or seconds
    return f"{value:.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed."""

    parameters: Mapping[str, str]
    records: Sequence[Record]

    def score(self, metric: str) -> Score | None:
        """Over the runs that have `metric`, or None where none has."""
        values = [r.metrics[metric] for r in self.records if metric in r.metrics]
        if not values:
            return None
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return Score(statistics.fmean(values), deviation, len(values))


def fold(records: Iterable[Record], metric: str = "val_accuracy") -> list[Group]:
    """The groups, best mean of `metric` first; of a loss, an error or a time that is the lowest.

    Runs without the metric are left out. Of runs with the same seed too, the first counts: they are
    one run repeated, and would make the deviation look smaller than it is. `records` come newest first.
    """
    groups: dict[tuple[tuple[str, str], ...], dict[str, Record]] = {}
    for record in records:
        if metric in record.metrics:
            key = tuple((k, v) for k, v in sorted(record.parameters.items()) if k != REPLICATE)
            groups.setdefault(key, {}).setdefault(record.parameters.get(REPLICATE, ""), record)
    folded = [Group(dict(key), sorted(runs.values(), key=_seed)) for key, runs in groups.items()]
    sign = 1 if metric.endswith(LOWER_IS_BETTER) else -1
    return sorted(folded, key=lambda group: sign * _mean(group, metric))


def _seed(record: Record) -> tuple[int, str]:
    seed = record.parameters.get(REPLICATE, "")
    return (int(seed) if seed.isdigit() else -1, record.run_id)


def _mean(group: Group, metric: str) -> float:
    return statistics.fmean(record.metrics[metric] for record in group.records)


def varying(groups: Sequence[Group]) -> list[str]:
    """The parameters that tell the groups apart, without those that merely follow from a preset."""
    names = dict.fromkeys(name for group in groups for name in group.parameters)
    return [name for name in names if _varies(name, groups)]


def _varies(name: str, groups: Sequence[Group]) -> bool:
    owner = next(
        (
            preset
            for preset, derived in (("model", FROM_MODEL), ("recipe", FROM_RECIPE))
            if name.startswith(f"{preset}.") or name in derived
        ),
        "",
    )
    values: dict[str | None, set[str | None]] = {}
    for group in groups:
        values.setdefault(group.parameters.get(owner), set()).add(group.parameters.get(name))
    return any(len(of_preset) > 1 for of_preset in values.values())


def label(group: Group, names: Sequence[str]) -> str:
    """The parameters so named in a line."""
    return " ".join(f"{name}={group.parameters.get(name, '')}" for name in names) or "all"


def standard_error(best: Score, other: Score, pooled: float | None) -> float | None:
    """Of the difference of two means (Welch, 1947); `pooled` is the deviation where there is one run.

    None where neither group nor any other was run twice, so that nothing is known of the noise.
    """
    total = 0.0
    for score in (best, other):
        deviation = pooled if score.deviation is None else score.deviation
        if deviation is None:
            return None
        total += deviation**2 / score.count
    return math.sqrt(total)


def pooled_deviation(scores: Sequence[Score]) -> float | None:
    """Of all groups together, each weighted by its degrees of freedom; None without replicates."""
    replicated = [(s.deviation, s.count - 1) for s in scores if s.deviation is not None]
    freedom = sum(n for _, n in replicated)
    return math.sqrt(sum(d**2 * n for d, n in replicated) / freedom) if freedom else None


def table(groups: Sequence[Group], metric: str = "val_accuracy") -> list[dict[str, str]]:
    """A row for each group: what tells it apart, its scores, and by how much it
    is behind the best, with the standard error of that difference."""
    names = varying(groups)
    scores = [score for group in groups if (score := group.score(metric))]
    pooled = pooled_deviation(scores)
    rows = []
    for rank, (group, score) in enumerate(zip(groups, scores, strict=True), start=1):
        behind = _text(abs(scores[0].mean - score.mean), standard_error(scores[0], score, pooled))
        row = {"rank": str(rank)} | {name: group.parameters.get(name, "") for name in names}
        row |= {"runs": str(score.count), metric: str(score), "behind": behind if rank > 1 else ""}
        for other in ("test_accuracy", "train_seconds"):
            if other != metric:
                row[other] = str(group.score(other) or "")
        rows.append(row)
    return rows


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as a table in Markdown."""
    header = list(rows[0])
    lines = [header, ["---"] * len(header), *([row[name] for name in header] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def show(rows: Sequence[Mapping[str, str]]) -> None:
    """The rows as a table on the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*rows[0], box=box.SIMPLE)
    for row in rows:
        drawn.add_row(*row.values())
    width = None if sys.stdout.isatty() else 240  # whole where nobody can widen the window
    Console(highlight=False, width=width).print(drawn)


def command(group: Group, card: Sequence[str], conf: Path) -> str:
    """The `dvc exp run` that repeats the group's first run: every key in `card`, and in which values of
    its presets it departed from their files in `conf`."""
    parameters = {**group.records[0].parameters}
    words = [f"{key}={parameters[key]}" for key in card]
    for preset in ("model", "recipe"):
        file = Path(preset, f"{parameters[preset]}.yaml")
        for key, value in flat(yaml.safe_load((conf / file).read_text())):
            used = parameters.get(f"{preset}.{key}", str(value))
            if yaml.safe_load(used) != value:
                words.append(f"{conf.name}/{file}:{key}={used.replace(' ', '')}")
    return "dvc exp run " + " ".join(f"-S {shlex.quote(word)}" for word in words)
