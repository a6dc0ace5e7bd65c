"""Everything random in an epoch is a function of the seed, the epoch and the step: an epoch that is run again
from the state before it ends with the same bits, whatever ran in between."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest

from digits.base.errors import UserError
from digits.base.paths import CONF
from digits.data.splits import Split
from digits.learning.trainer import Trainer
from digits.learning.training import build_model
from support import SHAPE, MakeSplit, make_request

State = Mapping[str, Any]
EPOCHS = 3
RECIPES = sorted(file.stem for file in (CONF / "recipe").glob("*.yaml"))
NETWORK = ("model=compact", "model.filters=[4]", "model.dropout=0.3", f"epochs={EPOCHS}", "batch_size=10")
TWINS = Split(np.full((2, 28, 28, 1), 200, np.uint8), np.array([3, 3], np.uint8))
DROPOUT_ALONE = (*NETWORK, "recipe=sprint", "schedule=constant", "learning_rate=0.1")  # is random for TWINS


def make_trainer(split: Split, *overrides: str, weights_seed: int = 0) -> Trainer:
    config = make_request(*overrides).config
    keras.utils.set_random_seed(weights_seed)
    return Trainer(build_model(config.model, SHAPE, 10), config, split)


def bits(trainer: Trainer) -> list[bytes]:
    return [array.tobytes() for array in trainer.state().values()]


def bits_after(trainer: Trainer, state: State, epoch: int) -> list[bytes]:
    """Return the bits that the trainer ends with if it runs an epoch from `state`."""
    trainer.restore(state)
    trainer.run_epoch(epoch)
    return bits(trainer)


@pytest.mark.parametrize("recipe", RECIPES)
def test_another_trainer_can_go_on_from_each_epoch_of_each_recipe(make_split: MakeSplit, recipe: str) -> None:
    split = make_split(65)
    overrides = [*NETWORK, f"recipe={recipe}"]
    selective = make_request(*overrides).config.recipe.selection.name == "hardest"
    if selective:
        overrides.append("recipe.selection.after=1")
    trainer = make_trainer(split, *overrides)
    states = [trainer.state()]
    for epoch in range(1, EPOCHS + 1):
        trainer.run_epoch(epoch)
        states.append(trainer.state())
    assert (trainer.epoch_size(EPOCHS) < trainer.epoch_size(1)) == selective
    other = make_trainer(split, *overrides, weights_seed=1)
    for epoch in range(EPOCHS, 0, -1):
        assert bits_after(other, states[epoch - 1], epoch) == [a.tobytes() for a in states[epoch].values()]


@pytest.fixture(scope="module")
def onecycle(make_split: MakeSplit) -> tuple[Trainer, State]:
    """A trainer with every kind of randomness, and the state that tests start from."""
    trainer = make_trainer(make_split(40), *NETWORK, "recipe=onecycle", "learning_rate=0.1")
    return trainer, trainer.state()


def test_the_state_of_another_network_is_refused(
    make_split: MakeSplit, onecycle: tuple[Trainer, State]
) -> None:
    _, state = onecycle
    other = make_trainer(make_split(40), *NETWORK, "recipe=onecycle", "model.filters=[5]")
    before = bits(other)
    with pytest.raises(UserError, match="another network"):
        other.restore(state)
    assert bits(other) == before


def test_what_ran_before_is_of_no_consequence(onecycle: tuple[Trainer, State]) -> None:
    trainer, state = onecycle
    first = bits_after(trainer, state, 1)
    trainer.run_epoch(2)
    trainer.model(np.zeros((3, 28, 28, 1), np.uint8), training=True)  # which moves dropout's random state on
    keras.utils.set_random_seed(99)
    assert bits_after(trainer, state, 1) == first


def test_another_epoch_has_other_bits(onecycle: tuple[Trainer, State]) -> None:
    trainer, state = onecycle
    assert bits_after(trainer, state, 1) != bits_after(trainer, state, 2)


def test_another_seed_has_other_bits(make_split: MakeSplit, onecycle: tuple[Trainer, State]) -> None:
    trainer, state = onecycle
    other = make_trainer(make_split(40), *NETWORK, "recipe=onecycle", "learning_rate=0.1", "seed=1")
    assert bits_after(other, state, 1) != bits_after(trainer, state, 1)


@pytest.fixture(scope="module")
def dropout_alone() -> tuple[Trainer, State]:
    """A trainer in which only dropout is random, and the state that tests start from."""
    trainer = make_trainer(TWINS, *DROPOUT_ALONE)
    return trainer, trainer.state()


def test_dropout_depends_on_the_epoch(dropout_alone: tuple[Trainer, State]) -> None:
    trainer, state = dropout_alone
    assert bits_after(trainer, state, 1) != bits_after(trainer, state, 2)


def test_dropout_depends_on_the_seed(dropout_alone: tuple[Trainer, State]) -> None:
    trainer, state = dropout_alone
    other = make_trainer(TWINS, *DROPOUT_ALONE, "seed=1")
    assert bits_after(other, state, 1) != bits_after(trainer, state, 1)


def test_each_micro_batch_has_a_dropout_of_its_own(dropout_alone: tuple[Trainer, State]) -> None:
    trainer, state = dropout_alone
    bits_after(trainer, state, 1)
    one, other = trainer.losses.numpy()  # of two equal images, each alone in its micro-batch
    assert one != other


def test_each_step_has_a_dropout_of_its_own() -> None:
    trainer = make_trainer(TWINS, *DROPOUT_ALONE, "batch_size=1", "learning_rate=1e-12")
    trainer.run_epoch(1)
    one, other = trainer.losses.numpy()
    assert one != other


def test_each_layer_has_a_dropout_of_its_own() -> None:
    pixels = keras.Input((28, 28, 1), dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    one, other = keras.layers.Dropout(0.5)(flat), keras.layers.Dropout(0.5)(flat)
    dense = keras.layers.Dense(10, activation="softmax", use_bias=False)
    model = keras.Model(pixels, dense(one - other))  # sees nothing, and learns nothing, if both are the same
    before = dense.get_weights()
    Trainer(model, make_request(*DROPOUT_ALONE).config, TWINS).run_epoch(1)
    assert np.abs(dense.get_weights()[0] - before[0]).max() > 1e-3
