"""The optimizer and its learning rate, as Keras gets them."""

from typing import Any

import keras
import pytest

from digits.learning.optimizers import build_optimizer
from support import make_request

STEPS = 100


def build(*overrides: str, steps: int = STEPS) -> keras.Optimizer:
    return build_optimizer(make_request("recipe=sprint", *overrides).config, steps)


def rates(optimizer: keras.Optimizer, *steps: int) -> list[float]:
    """Return the learning rate after each of the numbers of steps."""
    found = []
    for step in steps:
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return found


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (keras.optimizers.SGD, {"momentum": 0.7, "nesterov": True}),
        (keras.optimizers.SGD, {"momentum": 0.5, "nesterov": False}),
        (keras.optimizers.Adam, {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.001}),
    ],
    ids=["nesterov", "sgd", "adam"],
)
def test_the_options_of_the_preset_reach_keras(kind: Any, options: dict[str, Any]) -> None:
    changes = [f"recipe.optimizer.{key}={value}" for key, value in options.items()]
    optimizer = build(f"optimizer={kind.__name__.lower()}", *changes)
    assert type(optimizer) is kind
    assert {key: optimizer.get_config()[key] for key in options} == options


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize(("weight_decay", "expected"), [(0.002, 0.002), (0, None)])
def test_weight_decay_reaches_keras(name: str, weight_decay: float, expected: float | None) -> None:
    optimizer = build(f"optimizer={name}", f"recipe.weight_decay={weight_decay}")
    assert optimizer.weight_decay == expected


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_constant_rate_stays(name: str) -> None:
    optimizer = build(f"optimizer={name}", "schedule=constant", "learning_rate=0.01")
    assert rates(optimizer, 0, 50, 100) == pytest.approx([0.01, 0.01, 0.01])


def test_one_cycle_climbs_to_its_peak_along_a_line_and_falls_to_zero_along_half_a_cosine() -> None:
    optimizer = build("schedule=onecycle", "learning_rate=0.4")  # warmup: 0.3
    assert rates(optimizer, 0, 15, 30) == pytest.approx([0, 0.2, 0.4])
    assert rates(optimizer, 65, STEPS) == pytest.approx([0.2, 0], abs=1e-7)
    falling = rates(optimizer, *range(30, STEPS + 1))
    assert falling == sorted(falling, reverse=True)


def test_one_cycle_has_its_peak_where_the_warmup_ends() -> None:
    optimizer = build("schedule=onecycle_early", "learning_rate=0.4")  # warmup: 0.1
    climbing_and_falling = rates(optimizer, *range(STEPS + 1))
    assert climbing_and_falling[10] == max(climbing_and_falling) == pytest.approx(0.4)


def test_a_cosine_begins_at_its_peak_and_falls_to_zero() -> None:
    optimizer = build("schedule=cosine", "learning_rate=0.4")
    assert rates(optimizer, 0, 50, STEPS) == pytest.approx([0.4, 0.2, 0], abs=1e-7)


@pytest.mark.parametrize("schedule", ["onecycle", "onecycle_early", "cosine"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_training_of_few_steps_has_a_learning_rate_too(schedule: str, steps: int) -> None:
    optimizer = build(f"schedule={schedule}", "learning_rate=0.4", steps=steps)
    assert max(rates(optimizer, *range(steps))) > 0.05
    assert rates(optimizer, steps) == pytest.approx([0], abs=1e-7)
