"""A training that goes on from one of its epochs. test_trainer_repeats.py has each epoch of each recipe."""

import dataclasses
from collections.abc import Sequence

from digits.learning import training
from digits.learning.checkpoint import Arrays, State
from digits.learning.history import Epoch
from support import MakeSplit, make_request, make_splits


def without_seconds(history: Sequence[Epoch]) -> list[Epoch]:
    return [dataclasses.replace(epoch, seconds=0) for epoch in history]


def test_a_training_goes_on_to_the_same_bits_and_the_same_history(make_split: MakeSplit) -> None:
    config = make_request("epochs=4", "batch_size=10", "recipe.selection.after=1").config
    splits = make_splits(train=make_split(65), validation=make_split(30))
    states: list[State] = []

    def keep(arrays: Arrays, history: Sequence[Epoch]) -> None:
        states.append(State(arrays, list(history), "", 0))

    model, history = training.train(config, splits, keep=keep)
    assert [len(state.history) for state in states] == [1, 2, 3, 4]
    for state in (states[1], states[3]):
        reported: list[Epoch] = []
        again, continued = training.train(config, splits, reported.append, state)
        assert [weight.tobytes() for weight in again.get_weights()] == [
            weight.tobytes() for weight in model.get_weights()
        ]
        assert without_seconds(continued) == without_seconds(history)
        assert [epoch.epoch for epoch in reported] == list(range(len(state.history) + 1, 5))
