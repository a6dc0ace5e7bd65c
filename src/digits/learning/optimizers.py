"""Build the optimizer and the schedule of its learning rate."""

from __future__ import annotations

from typing import Any

import keras

from digits.config.schema import Config
from digits.recipe import SGD, OneCycle


def build_optimizer(config: Config, steps: int) -> keras.Optimizer:
    """Return the Keras optimizer for a training of `steps` steps."""
    recipe, rate = config.recipe, _schedule(config, steps)
    options = recipe.optimizer.model_dump(exclude={"name"})
    kind = keras.optimizers.SGD if isinstance(recipe.optimizer, SGD) else keras.optimizers.Adam
    return kind(rate, weight_decay=recipe.weight_decay or None, **options)


def _schedule(config: Config, steps: int) -> Any:
    schedule, peak = config.recipe.schedule, config.learning_rate
    if not isinstance(schedule, OneCycle):
        return peak
    warmup = round(schedule.warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else peak,
        warmup_target=peak if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(1, steps - warmup),
    )
