"""Rank runs by validation accuracy, with replicates over seeds as one group.

The test accuracy stands beside it and decides nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from digits.config.params import CHOSEN_BY_RECIPE, PRESETS
from digits.tracking.records import DATA_DIGEST, Record

REPLICATE = "seed"
NOT_COMPARED = (REPLICATE, "parameters")  # the number of parameters is recorded once training has ended
SEEN_IN_TRAINING = ("data.background", "data.flip")  # the rest of `data` is answered by the digest
LOWER_IS_BETTER = ("loss", "error_percent", "seconds")
# What follows from a preset tells two runs apart only if both have that preset.
FOLLOWS_FROM = {"parameters": "model"} | dict.fromkeys(
    (*CHOSEN_BY_RECIPE, "epochs", "batch_size", "learning_rate"), "recipe"
)


@dataclasses.dataclass(frozen=True)
class Score:
    """Mean and sample standard deviation (None for a single value) of `count` values."""

    mean: float
    deviation: float | None
    count: int

    def text(self, metric: str) -> str:
        """Return the score as one of this metric."""
        return with_deviation(self.mean, self.deviation, metric)


def with_deviation(value: float, deviation: float | None, metric: str) -> str:
    """Return the value with four digits after the point, or with one for seconds and other large values."""
    digits = 1 if metric.endswith("seconds") or abs(value) >= 10 else 4
    return f"{value:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed."""

    parameters: Mapping[str, str]
    records: Sequence[Record]

    def score(self, metric: str) -> Score | None:
        """Return the score over the runs that have `metric`, or None if none has."""
        values = [r.metrics[metric] for r in self.records if metric in r.metrics]
        if not values:
            return None
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return Score(statistics.fmean(values), deviation, len(values))


def rank(records: Iterable[Record], metric: str = "val_accuracy") -> list[Group]:
    """Return the groups with the best mean of `metric` first: the highest, or the lowest of a loss, an error
    or a time.

    Runs without the metric are left out. Of runs that have the seed in common too, only the first counts:
    they are one run repeated, and would make the deviation look smaller than it is. `records` come newest
    first.
    """
    groups: dict[tuple[object, ...], dict[str, Record]] = {}
    for record in records:
        if metric in record.metrics:
            names = _distinguishing_names(tuple(record.parameters))
            key = (names, *(record.parameters[name] for name in names))
            groups.setdefault(key, {}).setdefault(record.parameters.get(REPLICATE, ""), record)
    ranked = [_group(list(runs.values())) for runs in groups.values()]
    sign = 1 if metric.endswith(LOWER_IS_BETTER) else -1
    return sorted(ranked, key=lambda group: sign * statistics.fmean(r.metrics[metric] for r in group.records))


def by_data(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the records of each data set, under its digest and the names of its presets. Scores on different
    images say nothing about each other."""
    found: dict[str, list[Record]] = {}
    names: dict[str, dict[str, None]] = {}
    for record in records:
        key = record.parameters.get(DATA_DIGEST) or record.parameters.get("data", "")
        found.setdefault(key, []).append(record)
        names.setdefault(key, {})[record.data] = None
    return {_joined(names[key]): of_data for key, of_data in found.items()}


def _joined(headings: Iterable[str]) -> str:
    """Return the heading of data that have more than one name: a, b, digest c."""
    *others, last = sorted(headings)
    return ", ".join([*(heading.partition(", digest ")[0] for heading in others), last])


@functools.cache  # thousands of runs have the same names
def _distinguishing_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of parameters in which replicates agree, in alphabetical order."""
    return tuple(sorted(name for name in _compared_names(names) if name not in NOT_COMPARED))


@functools.cache
def _compared_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of parameters without those that say where the data come from, which the digest
    identifies."""
    kept = (DATA_DIGEST, *SEEN_IN_TRAINING)
    return tuple(
        name for name in names if name.partition(".")[0] != "data" or name in kept or DATA_DIGEST not in names
    )


def _group(records: list[Record]) -> Group:
    recorded = records[0].parameters
    names = [name for name in _compared_names(tuple(recorded)) if name != REPLICATE]
    return Group({name: recorded[name] for name in names}, sorted(records, key=_seed))


def _seed(record: Record) -> tuple[int, str]:
    seed = record.parameters.get(REPLICATE, "")
    return (int(seed) if seed.isdigit() else -1, record.run_id)


def varying(groups: Sequence[Group]) -> list[str]:
    """Return the parameters that tell the groups apart, without those that only follow from a preset."""
    names = dict.fromkeys(name for group in groups for name in group.parameters)
    return [name for name in names if _varies(name, groups)]


def _varies(name: str, groups: Sequence[Group]) -> bool:
    preset = _preset_of(name)
    values: dict[str | None, set[str | None]] = {}
    for group in groups:
        values.setdefault(group.parameters.get(preset), set()).add(group.parameters.get(name))
    return any(len(of_preset) > 1 for of_preset in values.values())


def _preset_of(name: str) -> str:
    """Return the parameter that names the preset which `name` follows from, or an empty string."""
    parts = name.split(".")[:-1]
    return next((part for part in reversed(parts) if part in (*PRESETS, *CHOSEN_BY_RECIPE)), "") or (
        FOLLOWS_FROM.get(name, "")
    )


def group_label(group: Group, names: Sequence[str]) -> str:
    """Return these parameters of the group in one line, under short names."""
    short = short_names(names)
    return " ".join(f"{short[name]}={group.parameters.get(name, '')}" for name in names) or "all"


def short_names(names: Collection[str]) -> dict[str, str]:
    """Return for each dotted name as much of its end as tells it from the others: filters for
    model.filters."""
    ends = {name: _ends(name) for name in names}
    shared = Counter(end for of_name in ends.values() for end in of_name)
    return {name: next((end for end in of_name if shared[end] == 1), name) for name, of_name in ends.items()}


def _ends(name: str) -> list[str]:
    """Return the ends of a dotted name, the shortest first."""
    parts = name.split(".")
    return [".".join(parts[start:]) for start in reversed(range(len(parts)))]


def standard_error(best: Score, other: Score, pooled: float | None) -> float | None:
    """Return the standard error of the difference of two means (Welch, 1947). A group with one run has the
    deviation `pooled`. Return None if that is needed and unknown."""
    total = 0.0
    for score in (best, other):
        deviation = pooled if score.deviation is None else score.deviation
        if deviation is None:
            return None
        total += deviation**2 / score.count
    return math.sqrt(total)


def pooled_deviation(scores: Sequence[Score]) -> float | None:
    """Return the standard deviation within groups, each weighted by its degrees of freedom, or None if no
    group has more than one run."""
    replicated = [(s.deviation, s.count - 1) for s in scores if s.deviation is not None]
    freedom = sum(n for _, n in replicated)
    return math.sqrt(sum(d**2 * n for d, n in replicated) / freedom) if freedom else None
