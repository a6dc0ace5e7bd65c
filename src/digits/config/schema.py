"""The configuration of an experiment: everything that decides what the trained model is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, PositiveFloat, PositiveInt, create_model, model_validator

from digits.base.section import Section, Seed, flatten
from digits.config.compose import compose_values, parse
from digits.config.data import DataConfig, compared
from digits.models import ARCHITECTURES, refuse_too_deep
from digits.recipe import Recipe


class Network(Section):
    """A network of `digits.models` and its arguments."""

    name: str
    network: str

    @property
    def arguments(self) -> dict[str, Any]:
        return self.model_dump(exclude={"name", "network"})

    def refuse_too_deep(self, shape: tuple[int, int, int]) -> None:
        """Raise UserError if the network has too many stages for images of this shape."""
        refuse_too_deep(self.name, self.network, self.arguments, shape)


def _sound(default: Any) -> Any:
    """Return a default of the recipe, or 1 if it is wrong: then only the recipe's own key is reported."""
    return default if isinstance(default, int | float) and default > 0 else 1


def _network_schema(name: str, build: Callable[..., Any]) -> type[Network]:
    """Return the schema that the signature of the function `build` describes."""
    arguments: dict[str, Any] = {
        argument: (parameter.annotation, ...)
        for argument, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    arguments["network"] = (Literal[name], ...)
    return create_model(name, __base__=Network, **arguments)


if TYPE_CHECKING:
    AnyNetwork = Network
else:
    _schemas = tuple(_network_schema(name, each.build) for name, each in ARCHITECTURES.items())
    AnyNetwork = Annotated[Union[_schemas], Field(discriminator="network")]  # noqa: UP007


class Config(DataConfig):
    """One experiment. `optimizer` and `schedule` are the names of presets that are part of `recipe`."""

    model: AnyNetwork
    recipe: Recipe
    optimizer: str
    schedule: str
    seed: Seed
    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat

    @model_validator(mode="before")
    @classmethod
    def _resolve_auto(cls, values: Any) -> Any:
        recipe = values.get("recipe")
        if not isinstance(recipe, dict):
            return values
        defaults = {key: recipe.get(key) for key in ("epochs", "batch_size")}
        rates = recipe.get("learning_rate")
        if isinstance(rates, dict):
            defaults["learning_rate"] = rates.get(values["optimizer"])
            if values.get("learning_rate") == "auto" and defaults["learning_rate"] is None:
                raise ValueError(
                    f"learning_rate: recipe {recipe['name']} has none for optimizer={values['optimizer']}; "
                    "set learning_rate"
                )
        automatic = [key for key in (*defaults, "learning_rate") if values.get(key) == "auto"]
        return values | {key: _sound(defaults.get(key)) for key in automatic}

    def parameters(self) -> dict[str, Any]:
        """Return what tells experiments apart: the values of params.yaml, and those of the presets under
        dotted keys, such as `recipe.optimizer.momentum`."""
        values = self.model_dump()
        sections = {"data": compared(self.data), "model": values["model"], "recipe": values["recipe"]}
        if not self.data.flip:
            del values["recipe"]["flip"]  # has no effect
        presets = {group: values[group].pop("name") for group in ("data", "model", "recipe")}
        return values | presets | dict(flatten(sections))

    def recorded_parameters(self) -> dict[str, str]:
        """Return the parameters as MLflow gives them back: as text."""
        return {key: str(value) for key, value in self.parameters().items()}


def compose(overrides: Sequence[str] = ()) -> Config:
    """Return the experiment that params.yaml describes, changed by Hydra `overrides`.

    Raises UserError if anything in it is wrong.
    """
    return parse(compose_values(overrides), Config)
