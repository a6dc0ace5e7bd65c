"""The keys of a recipe: how a network is trained. Presets are in conf/recipe/, optimizer/ and schedule/."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from digits.base.section import Section, Share


class SGD(Section):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    momentum: Share
    nesterov: bool


class Adam(Section):
    """Kingma and Ba, 2014."""

    name: Literal["adam"]
    beta_1: Share
    beta_2: Share
    epsilon: PositiveFloat


class Constant(Section):
    """Keep the learning rate as it is."""

    name: Literal["constant"]


class OneCycle(Section):
    """Raise the learning rate linearly during the first `warmup` of the steps, then lower it to zero along
    half a cosine (Smith and Topin, 2018)."""

    name: Literal["onecycle"]
    warmup: Share


class All(Section):
    """Train on all images in every epoch."""

    name: Literal["all"]


class Hardest(Section):
    """Train on all images for `after` epochs, then on about `share` of them: those with the highest recent
    loss, and a random sample of the rest, which is `random` of the selected images."""

    name: Literal["hardest"]
    after: PositiveInt
    share: Annotated[float, Field(gt=0, lt=1)]
    random: Annotated[float, Field(gt=0, le=1)]


class Recipe(Section):
    """A preset of conf/recipe/ with its optimizer and schedule. `epochs`, `batch_size` and `learning_rate`
    (by optimizer) are what `auto` stands for in params.yaml."""

    name: str
    optimizer: Annotated[SGD | Adam, Field(discriminator="name")]
    schedule: Annotated[Constant | OneCycle, Field(discriminator="name")]
    selection: Annotated[All | Hardest, Field(discriminator="name")]
    micro_batches: PositiveInt
    weight_decay: Share
    label_smoothing: Share
    shift: Annotated[int, Field(ge=0, le=14)]  # pixels
    rotation: Annotated[float, Field(ge=0, le=180)]  # degrees
    scaling: Share
    flip: bool  # at random, if the preset of the data allows it
    epochs: PositiveInt = Field(exclude=True)
    batch_size: PositiveInt = Field(exclude=True)
    learning_rate: dict[str, PositiveFloat] = Field(exclude=True)
