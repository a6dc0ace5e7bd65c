"""What a search is told: the space, and how it is searched. Checked before any trial starts."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from digits.config import CARD, FROM_RECIPE, PRESETS, Config, Section, Seed, flat, parse
from digits.errors import UserError
from digits.models import Share

if TYPE_CHECKING:
    import optuna

COMPARED_ON = ("data", "split_seed", "validation")  # equal in all trials, or their scores mean nothing
NOT_SEARCHED = (*COMPARED_ON, "seed", "threads")


class Range(Section):
    """Whole numbers where both ends are; `log` searches orders of magnitude."""

    low: int | float
    high: int | float
    log: bool = False
    step: PositiveInt | PositiveFloat | None = None

    @field_validator("low", "high", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number, not {value!r}")  # once, not once for each type
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> Range:
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
        low, high, step = self.low, self.high, self.step or 1
        if isinstance(low, int) and isinstance(high, int) and isinstance(step, int):
            return trial.suggest_int(key, low, high, step=step, log=self.log)
        value = trial.suggest_float(key, low, high, step=self.step, log=self.log)
        return min(max(float(f"{value:.4g}"), low), high)  # digits that a person can read, and repeat


class Choices(Section):
    """One of several values, lists among them."""

    choices: Annotated[list[Any], Field(min_length=1)]

    @property
    def ends(self) -> list[Any]:
        return self.choices

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        names = [json.dumps(choice) for choice in self.choices]  # since Optuna's choices cannot be lists
        return self.choices[names.index(trial.suggest_categorical(key, names))]


def _kind(value: Any) -> str:
    return "choices" if isinstance(value, dict) and "choices" in value else "range"


Dimension = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)
]


class Tpe(Section):
    """The tree-structured Parzen estimator (Bergstra et al., 2011)."""

    name: Literal["tpe"]
    seed: Seed
    n_startup_trials: NonNegativeInt = 10


class Random(Section):
    name: Literal["random"]
    seed: Seed


class NoPruner(Section):
    """Every trial is trained to its end."""

    name: Literal["none"]


class Median(Section):
    """Stops a trial whose best epoch is below the median of earlier trials at that epoch."""

    name: Literal["median"]
    n_startup_trials: NonNegativeInt = 5
    n_warmup_steps: NonNegativeInt = 0


class Halving(Section):
    """Asynchronous successive halving (Li et al., 2018)."""

    name: Literal["halving"]
    min_resource: PositiveInt = 1
    reduction_factor: Annotated[int, Field(ge=2)] = 4


class Threshold(Section):
    """Stops a trial whose accuracy is below `lower` after `n_warmup_steps` epochs."""

    name: Literal["threshold"]
    lower: Share
    n_warmup_steps: NonNegativeInt = 0


class Settings(Section):
    """A file of conf/search/."""

    trials: PositiveInt
    sampler: Annotated[Tpe | Random, Field(discriminator="name")]
    pruner: Annotated[NoPruner | Median | Halving | Threshold, Field(discriminator="name")]
    space: dict[str, Dimension]


@dataclasses.dataclass(frozen=True)
class Search:
    """A search that is ready to start: every end of the space has been found to be a configuration."""

    settings: Settings
    study: str
    digest: str  # of all that makes the trials comparable
    config: Config
    _values: dict[str, Any]
    _presets: dict[str, str | None]

    def at(self, trial: optuna.trial.BaseTrial) -> Config:
        """The configuration at the point of the space that Optuna suggests, or once suggested."""
        point = {key: dimension.suggest(trial, key) for key, dimension in self.settings.space.items()}
        values = self._values | {"label": f"trial {trial.number}"}
        return parse(_changed(values, point), self._presets)


def read(composed: dict[str, Any], presets: dict[str, str | None]) -> Search:
    """The search that `composed`, plain values as YAML has them, describes.

    UserError where a key is wrong, where the space is empty or leads out of what the configuration
    allows, or where there would be no validation accuracy to search by.
    """
    values = dict(composed)
    section, study = values.pop("search", None), values.pop("study", None)
    if not isinstance(section, dict) or not presets.get("search"):
        raise UserError("search: must name one file of conf/search/")
    config = parse(values, presets)
    if config.validation == 0:
        raise UserError("validation: a search needs validation images to choose by; it must be more than 0")
    settings = _settings(section, f"conf/search/{presets['search']}.yaml")
    if not isinstance(study, str) or not study:
        raise UserError(f"study: must be a name or auto, not {study!r}")
    for key, dimension in settings.space.items():
        _check(key, values)
        for value in dimension.ends:
            try:
                parse(_changed(values, {key: value}), presets)
            except UserError as error:
                raise UserError(f"search.space reaches too far: {error}") from None
    digest = _digest(settings, config)
    name = f"{presets['search']}-{digest}" if study == "auto" else study
    return Search(settings, name, digest, config, values, presets)


def _settings(section: dict[str, Any], file: str) -> Settings:
    space = section.get("space")
    dimensions = dict(_dimensions(space)) if isinstance(space, dict) else {}
    if not dimensions:
        raise UserError(f"search.space: is empty; say which keys to search ({file})")
    try:
        return Settings.model_validate(section | {"space": dimensions})
    except ValidationError as error:
        raise UserError("; ".join(f"{_complaint(each)} ({file})" for each in error.errors())) from None


def _dimensions(space: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each searched key, dotted, with what the space says of it."""
    for key, value in space.items():
        if isinstance(value, dict) and not set(value) & {*Range.model_fields, *Choices.model_fields}:
            yield from _dimensions(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _complaint(error: Any) -> str:
    # behind the key of a union, pydantic's path names the branch that it took
    location = error["loc"]
    branch = 2 if location[:1] == ("space",) else 1
    path = [str(part) for i, part in enumerate(location) if i != branch]
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] not in ("missing", "value_error", "union_tag_invalid"):
        message += f", not {error['input']!r}"
    return f"{'.'.join(['search', *path])}: {message[0].lower()}{message[1:]}"


def _check(key: str, values: dict[str, Any]) -> None:
    top = key.partition(".")[0]
    if top in NOT_SEARCHED:
        why = "trials are compared on it" if top in COMPARED_ON else "it makes no model better"
        raise UserError(f"search.space.{key}: is not for searching, since {why}")
    if key in PRESETS:
        raise UserError(
            f"search.space.{key}: a search is within presets; python src/experiment.py -m compares them"
        )
    searchable = {name: values[name] for name in CARD if name in values and name not in NOT_SEARCHED}
    for_auto = [f"recipe.{name}" for name in FROM_RECIPE]  # the card's own key of this name wins over it
    known = [name for name, _ in flat(searchable) if name not in for_auto]
    if key not in known:
        raise UserError(f"search.space.{key}: unknown key; there is {', '.join(known)}")


def _changed(values: dict[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(values)
    for key, value in point.items():
        *path, last = key.split(".")
        section = changed
        for part in path:
            section = section[part]
        section[last] = value
    return changed


def _digest(settings: Settings, config: Config) -> str:
    space = {key: dimension.model_dump() for key, dimension in settings.space.items()}
    # processes that share a study share the processors too, and not always alike
    fixed = {k: v for k, v in flat(config.model_dump(exclude={"threads"})) if k not in space}
    return hashlib.md5(json.dumps([space, fixed], sort_keys=True).encode()).hexdigest()[:8]
