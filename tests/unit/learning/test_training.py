"""Training from the first weights to the last epoch."""

import dataclasses
import time
from collections.abc import Callable

import keras
import numpy as np
import pytest

from digits.base.errors import DivergedError, UserError
from digits.learning import training
from digits.learning.history import Epoch
from support import MakeSplit, make_request, make_splits

BASE = ("model=small", "model.filters=[4,8]", "recipe=sprint", "batch_size=32", "learning_rate=0.1")
AUGMENTED = ("recipe.shift=1", "recipe.rotation=5", "recipe.scaling=0.1", "recipe.weight_decay=0.01")
SELECTIVE = (
    *("recipe.selection.name=hardest", "+recipe.selection.after=1"),
    *("+recipe.selection.share=0.5", "+recipe.selection.random=0.25"),
)
EVERYTHING = (*AUGMENTED, *SELECTIVE, "model=best", "model.filters=[[4],[8]]", "model.dropout=0.2")
ADAM = ("optimizer=adam", "schedule=constant", "learning_rate=0.01")


@dataclasses.dataclass(frozen=True)
class Trained:
    """A training, the epochs that on_epoch was called with, and how long it took."""

    model: keras.Model
    history: list[Epoch]
    reported: list[Epoch]
    seconds: float


Train = Callable[..., Trained]


@pytest.fixture(scope="module")
def train(make_split: MakeSplit) -> Train:
    """Return a function that trains as BASE says, changed by overrides."""

    def train(*overrides: str, images: int = 100, validation: int = 0) -> Trained:
        config = make_request(*BASE, *overrides).config
        reported: list[Epoch] = []
        start = time.perf_counter()
        trained = training.train(
            config, make_splits(train=make_split(images), validation=make_split(validation)), reported.append
        )
        return Trained(*trained, reported, time.perf_counter() - start)

    return train


def weights(model: keras.Model) -> bytes:
    return b"".join(each.tobytes() for each in model.get_weights())


@pytest.fixture(scope="module")
def five_epochs(train: Train) -> Trained:
    return train(*AUGMENTED, "epochs=5", images=400, validation=100)


def test_it_learns(five_epochs: Trained) -> None:
    last = five_epochs.history[-1]
    assert last.val_accuracy is not None
    assert last.val_accuracy > 0.9


def test_on_epoch_is_called_with_each_epoch(five_epochs: Trained) -> None:
    assert five_epochs.reported == five_epochs.history
    assert [epoch.epoch for epoch in five_epochs.reported] == [1, 2, 3, 4, 5]


def test_the_seconds_are_those_of_each_epoch(five_epochs: Trained) -> None:
    assert min(epoch.seconds for epoch in five_epochs.history) > 0
    assert sum(epoch.seconds for epoch in five_epochs.history) < five_epochs.seconds


def test_the_validation_scores_are_those_of_the_trained_network(
    make_split: MakeSplit, five_epochs: Trained
) -> None:
    split = make_split(100)
    probabilities = np.asarray(five_epochs.model(split.images, training=False))
    loss = -np.log(probabilities[np.arange(100), split.labels]).mean()
    assert five_epochs.history[-1].val_loss == pytest.approx(loss, rel=1e-4)
    assert five_epochs.history[-1].val_accuracy == np.mean(probabilities.argmax(axis=1) == split.labels)


def test_without_validation_images_there_are_no_validation_scores(train: Train) -> None:
    (epoch,) = train("epochs=1").history
    assert (epoch.val_accuracy, epoch.val_loss) == (None, None)


def test_one_cycle_climbs_to_its_peak_and_falls_to_zero(train: Train) -> None:
    overrides = ("recipe.schedule.warmup=0.25", "learning_rate=0.4", "epochs=8")
    rates = [epoch.learning_rate for epoch in train(*overrides, images=64).history]  # 16 steps
    assert rates[1] == pytest.approx(0.4)  # after 25 % of the steps
    assert rates[:2] == sorted(rates[:2])
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_with_a_selection_the_rate_reaches_zero_at_the_last_step(train: Train) -> None:
    trained = train(*SELECTIVE, "learning_rate=0.4", "epochs=3", images=256)
    rates = [epoch.learning_rate for epoch in trained.history]
    assert rates[0] > rates[1] > 0.01
    assert rates[2] == pytest.approx(0, abs=1e-6)


def test_a_constant_rate_stays(train: Train) -> None:
    assert [epoch.learning_rate for epoch in train(*ADAM).history] == pytest.approx([0.01, 0.01])


def test_a_training_may_end_before_the_selection_starts(train: Train) -> None:
    without = train("epochs=1")
    assert weights(train(*SELECTIVE, "epochs=1").model) == weights(without.model)


@pytest.fixture(scope="module")
def twice(train: Train) -> tuple[Trained, Trained]:
    """The same training twice in one process, with every kind of randomness, as in a sweep."""
    first, again = (train(*EVERYTHING, validation=10) for _ in range(2))
    return first, again


def test_the_same_seed_gives_the_same_bits(twice: tuple[Trained, Trained]) -> None:
    first, again = twice
    assert weights(first.model) == weights(again.model)
    for one, other in zip(first.history, again.history, strict=True):
        assert dataclasses.replace(one, seconds=0) == dataclasses.replace(other, seconds=0)


def test_the_same_seed_gives_the_same_names(twice: tuple[Trained, Trained]) -> None:
    first, again = ([layer.name for layer in trained.model.layers] for trained in twice)
    assert first == again


def test_another_seed_gives_other_bits(train: Train, twice: tuple[Trained, Trained]) -> None:
    other = train(*EVERYTHING, "seed=1", validation=10)
    assert weights(other.model) != weights(twice[0].model)


@pytest.mark.parametrize(("images", "batch_size"), [(1, 1), (3, 1), (5, 8), (65, 32)])
def test_any_number_of_images_goes_into_batches(train: Train, images: int, batch_size: int) -> None:
    trained = train(*AUGMENTED, f"batch_size={batch_size}", images=images)
    assert all(np.isfinite(each).all() for each in trained.model.get_weights())
    assert len(trained.history) == 2


def test_a_loss_that_is_no_number_ends_the_training(train: Train) -> None:
    message = r"^learning_rate: 1e\+20 is too high; the loss is (nan|inf) after epoch 1$"
    with pytest.raises(DivergedError, match=message) as diverged:
        train(*ADAM, "learning_rate=1e20", "recipe.weight_decay=0.01")
    assert isinstance(diverged.value, UserError)


@pytest.mark.parametrize("changes", [(), ADAM], ids=["sgd", "adam"])
def test_weights_decay(train: Train, changes: tuple[str, ...]) -> None:
    sizes = []
    for decay in (0, 0.5):
        model = train(*changes, "learning_rate=0.1", f"recipe.weight_decay={decay}").model
        sizes.append(sum(float(np.square(each).sum()) for each in model.trainable_weights))
    assert sizes[1] < 0.9 * sizes[0]


def test_smoothed_labels_make_the_network_less_sure_and_the_loss_stays_comparable(
    make_split: MakeSplit, train: Train
) -> None:
    split = make_split(400)
    surest = []
    for smoothing in (0, 0.3):
        overrides = (*ADAM, "epochs=6", f"recipe.label_smoothing={smoothing}")
        trained = train(*overrides, images=400, validation=400)
        probabilities = np.asarray(trained.model(split.images, training=False))
        likelihood = probabilities[np.arange(400), split.labels]
        assert trained.history[-1].val_loss == pytest.approx(-np.log(likelihood).mean(), rel=1e-3)
        surest.append(probabilities.max(axis=1).mean())
    assert surest[1] < surest[0] - 0.1
