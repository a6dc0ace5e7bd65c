"""The space that a search looks through, and how it does so: the keys of a preset in conf/search/."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from digits.base.section import Section, Seed, Share

if TYPE_CHECKING:
    import optuna


class Range(Section):
    """Numbers from `low` to `high`, whole ones if both ends are; `log` searches orders of magnitude."""

    low: int | float
    high: int | float
    log: bool = False
    step: PositiveInt | PositiveFloat | None = None

    @field_validator("low", "high", mode="before")
    @classmethod
    def _refuse_other_types(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number, not {value!r}")  # once, not once for each type
        return value

    @model_validator(mode="after")
    def _check(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low must be less than high, not {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log needs a low above 0, not {self.low}")
        if self.log and self.step is not None:
            raise ValueError("takes log or step, not both")
        return self

    @property
    def ends(self) -> list[Any]:
        return [self.low, self.high]

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        """Return the value of `key` that Optuna suggests for the trial, or once suggested."""
        low, high, step = self.low, self.high, self.step or 1
        if isinstance(low, int) and isinstance(high, int) and isinstance(step, int):
            return trial.suggest_int(key, low, high, step=step, log=self.log)
        value = trial.suggest_float(key, low, high, step=self.step, log=self.log)
        short = float(f"{value:.4g}")  # so that a person can read and repeat it
        return min(max(short, low), high)


class Choices(Section):
    """One of several values, which can be lists."""

    choices: Annotated[list[Any], Field(min_length=1)]

    @property
    def ends(self) -> list[Any]:
        return self.choices

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        """Return the value of `key` that Optuna suggests for the trial, or once suggested."""
        names = [json.dumps(choice) for choice in self.choices]  # since Optuna's choices cannot be lists
        return self.choices[names.index(trial.suggest_categorical(key, names))]


def _kind(value: Any) -> str:
    return "choices" if isinstance(value, dict) and "choices" in value else "range"


def _refuse_no_mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(
            f"must be {{low: 0.1, high: 0.4}} or {{choices: [1, 2]}}, in quotes in a shell, not {value!r}"
        )
    return value


Dimension = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")],
    Discriminator(_kind),
    BeforeValidator(_refuse_no_mapping),
]


class Tpe(Section):
    """The tree-structured Parzen estimator (Bergstra et al., 2011)."""

    name: Literal["tpe"]
    seed: Seed
    n_startup_trials: NonNegativeInt = 10


class Random(Section):
    """Independent random values."""

    name: Literal["random"]
    seed: Seed


class NoPruner(Section):
    """Train every trial to its end."""

    name: Literal["none"]


class Median(Section):
    """Stop a trial whose best epoch is below the median of earlier trials at that epoch."""

    name: Literal["median"]
    n_startup_trials: NonNegativeInt = 5
    n_warmup_steps: NonNegativeInt = 0


class Halving(Section):
    """Asynchronous successive halving (Li et al., 2018)."""

    name: Literal["halving"]
    min_resource: PositiveInt = 1
    reduction_factor: Annotated[int, Field(ge=2)] = 4


class Threshold(Section):
    """Stop a trial whose accuracy is below `lower` after `n_warmup_steps` epochs."""

    name: Literal["threshold"]
    lower: Share
    n_warmup_steps: NonNegativeInt = 0


class Settings(Section):
    """A preset of conf/search/."""

    trials: PositiveInt
    sampler: Annotated[Tpe | Random, Field(discriminator="name")]
    pruner: Annotated[NoPruner | Median | Halving | Threshold, Field(discriminator="name")]
    space: dict[str, Dimension]


def dimensions(space: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each key that is searched, dotted, with what the nested `space` gives for it."""
    for key, value in space.items():
        if isinstance(value, dict) and not set(value) & {*Range.model_fields, *Choices.model_fields}:
            yield from dimensions(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
