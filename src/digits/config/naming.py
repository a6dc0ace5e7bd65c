"""Names of runs. MLflow's pages show about the first 20 letters of a name."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHOWN = 20  # letters
ABBREVIATED = {"learning_rate": "lr", "batch_size": "batch"}
CHOICES = ("data", "model", "recipe", "optimizer", "schedule")  # whose values say what they are


def shortened_override(override: str) -> str:
    """Return an override as it stands in a name: `dropout=0.5` for `model.dropout=0.5`."""
    key, _, value = override.lstrip("+~").partition("=")
    last = re.sub(r".*\.", "", key)
    return value if key in CHOICES else f"{ABBREVIATED.get(last, last)}={value}".removesuffix("=")


def names_of_trials(trials: Sequence[Sequence[str]]) -> list[str]:
    """Return a name for each trial of a sweep, given by its overrides. It is made of what differs among them,
    so that the first SHOWN letters tell the trials apart, and is empty if nothing does.

    What is short comes first if it has to, and if that is not enough, Hydra's number of the trial.
    """
    common = set.intersection(*map(set, trials)) if trials else set()
    parts = [[shortened_override(word) for word in words if word not in common] for words in trials]
    # a key has one place in all names
    longest = [max(map(len, column)) for column in zip(*parts, strict=False)]
    by_length = sorted(range(len(longest)), key=lambda place: longest[place])
    same_places = all(len(each) == len(longest) for each in parts)
    shortest_first = [[each[place] for place in by_length] for each in parts] if same_places else parts
    for ordered in (parts, shortest_first):
        names = [" ".join(each) for each in ordered]
        if len({name[:SHOWN] for name in names}) == len(names):
            return names
    return [" ".join([f"#{number}", *each]) for number, each in enumerate(parts)]
