import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from digits import batches, config, models, training
from digits.data import Split
from digits.errors import Diverged
from digits.training import Epoch

MakeSplit = Callable[[int], Split]

ONECYCLE: dict[str, Any] = {
    "name": "onecycle",
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "schedule": {"name": "onecycle", "warmup": 0.25},
    "selection": {"name": "all"},
    "weight_decay": 0.01,
    "label_smoothing": 0,
    "shift": 1,
    "rotation": 5,
    "scaling": 0.1,
    "epochs": 1,
    "batch_size": 1,
    "learning_rate": 1.0,
}
CONSTANT = ONECYCLE | {"optimizer": {"name": "adam"}, "schedule": {"name": "constant"}, "rotation": 0}
SELECTIVE = ONECYCLE | {"selection": {"name": "hardest", "after": 1, "share": 0.5, "random": 0.25}}
SCHEMAS = {schema.__name__: schema for schema in config.NETWORKS}
COMPACT = SCHEMAS["compact"](
    name="small", network="compact", filters=[4, 8], first_layer="cosines", dropout=0
)
VGG = SCHEMAS["vgg"](name="small", network="vgg", filters=[[4], [8]], dropout=0.2)


def train(
    split: Split,
    validation: Split,
    recipe: dict[str, Any] = ONECYCLE,
    network: config.Network = COMPACT,
    **changes: Any,
) -> tuple[keras.Model, list[Epoch]]:
    settings: dict[str, Any] = {"seed": 0, "epochs": 2, "batch_size": 32, "learning_rate": 0.1}
    settings |= {"on_epoch": lambda _: None} | changes
    return training.train(network, config.Recipe(**recipe), split, validation, **settings)


def weights(model: keras.Model) -> str:
    return hashlib.md5(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


def test_it_learns(make_split: MakeSplit) -> None:
    _, history = train(make_split(400), make_split(100), epochs=5)
    assert history[-1].val_accuracy is not None
    assert history[-1].val_accuracy > 0.9


@pytest.mark.parametrize(
    ("recipe", "network"),
    [(ONECYCLE, COMPACT), (CONSTANT, COMPACT), (ONECYCLE, VGG), (SELECTIVE, COMPACT)],
    ids=["onecycle", "constant", "with dropout", "selective"],
)
def test_the_same_seed_gives_the_same_bits(
    make_split: MakeSplit, recipe: dict[str, Any], network: config.Network
) -> None:
    runs = [train(make_split(100), make_split(10), recipe, network, seed=seed)[0] for seed in (0, 0, 1)]
    first, again, other = map(weights, runs)
    assert first == again != other


def test_each_epoch_is_told_as_it_ends(make_split: MakeSplit) -> None:
    told: list[Epoch] = []
    _, history = train(make_split(100), make_split(20), epochs=3, on_epoch=told.append)
    assert told == history
    assert [epoch.epoch for epoch in told] == [1, 2, 3]


def test_without_validation_images_there_are_no_validation_figures(make_split: MakeSplit) -> None:
    _, history = train(make_split(100), make_split(0))
    assert history[0].val_accuracy is None
    assert history[0].val_loss is None


def test_one_cycle_climbs_to_its_peak_and_falls_to_zero(make_split: MakeSplit) -> None:
    _, history = train(make_split(64), make_split(0), epochs=8, learning_rate=0.4)  # 16 steps
    rates = [epoch.learning_rate for epoch in history]
    assert rates[1] == pytest.approx(0.4)  # after 25 % of the steps
    assert rates[:2] == sorted(rates[:2])
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_a_selection_makes_later_epochs_shorter_and_the_rate_still_ends_at_zero(
    make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    augmented = batches.augmented

    def spy(*arguments: Any) -> Any:
        sizes.append(arguments[-1].size)
        return augmented(*arguments)

    monkeypatch.setattr(batches, "augmented", spy)
    _, history = train(make_split(256), make_split(0), SELECTIVE, epochs=3, learning_rate=0.4)
    assert sizes == [256, 128]
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert history[0].learning_rate > history[1].learning_rate > 0
    assert history[-1].learning_rate == pytest.approx(0, abs=1e-6)


def test_the_epochs_that_a_selection_waits_for_may_be_all(make_split: MakeSplit) -> None:
    all_of_it, _ = train(make_split(100), make_split(0), epochs=1)
    selective, _ = train(make_split(100), make_split(0), SELECTIVE, epochs=1)
    assert weights(all_of_it) == weights(selective)


def test_the_loss_of_each_image_is_noted_at_its_row(make_split: MakeSplit) -> None:
    split = make_split(4)
    losses = tf.Variable(tf.zeros(6))
    model = models.tutorial(4, 8)
    trainer = training._recording(model, losses)
    trainer.compile("sgd", keras.losses.sparse_categorical_crossentropy, run_eagerly=True)
    before = np.asarray(model(split.images, training=True))
    trainer.train_step((split.images, split.labels, np.array([5, 0, 2, 3]), np.ones(4)))
    expected = -np.log(before[np.arange(4), split.labels])
    np.testing.assert_allclose(losses.numpy()[[5, 0, 2, 3]], expected, rtol=1e-4)
    assert (losses.numpy()[[1, 4]] == 0).all()


def test_the_gradient_of_two_halves_is_that_of_the_batch(make_split: MakeSplit) -> None:
    split = make_split(5)  # halves of three and of two
    model = models.tutorial(4, 8)
    trainer = training._recording(model, tf.Variable(tf.zeros(5)))
    trainer.compile(keras.optimizers.SGD(1.0), keras.losses.sparse_categorical_crossentropy, run_eagerly=True)
    with tf.GradientTape() as tape:
        whole = tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(split.labels, model(split.images, training=True))
        )
    before = model.get_weights()
    expected = tape.gradient(whole, model.trainable_variables)
    batch = (split.images, split.labels, np.arange(5), np.ones(5))
    trainer.train_step(tuple(map(tf.constant, batch)))
    for old, new, gradient in zip(before, model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(old - new, gradient, atol=1e-5)


@pytest.mark.parametrize("images", [1, 2, 5])
def test_validation_in_halves_counts_each_image_once(make_split: MakeSplit, images: int) -> None:
    validation = make_split(images)
    model, history = train(make_split(32), validation)
    right = np.asarray(model(validation.images))[np.arange(images), validation.labels]
    assert history[-1].val_loss == pytest.approx(-np.log(right).mean(), rel=1e-4)


def test_a_training_step_is_traced_once(make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []

    def loss(labels: Any, probabilities: Any) -> Any:
        traced.append(probabilities.shape[0])
        return keras.losses.sparse_categorical_crossentropy(labels, probabilities)

    monkeypatch.setattr(training, "_cross_entropy", lambda _: loss)
    train(make_split(64), make_split(0), SELECTIVE, batch_size=32)
    assert traced == [16, 16]


@pytest.mark.parametrize(("images", "batch_size"), [(1, 1), (3, 1), (5, 8), (65, 32)])
def test_any_number_of_images_goes_into_batches(make_split: MakeSplit, images: int, batch_size: int) -> None:
    model, history = train(make_split(images), make_split(0), batch_size=batch_size)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert len(history) == 2


def test_a_constant_rate_stays(make_split: MakeSplit) -> None:
    _, history = train(make_split(64), make_split(0), CONSTANT, learning_rate=0.01)
    assert [epoch.learning_rate for epoch in history] == pytest.approx([0.01, 0.01])


@pytest.mark.parametrize("network", [COMPACT, VGG], ids=["compact", "with dropout"])
def test_equal_weights_make_equal_files_that_load(
    make_split: MakeSplit, tmp_path: Path, network: config.Network
) -> None:
    files = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for file in files:
        model, _ = train(make_split(100), make_split(0), network=network)
        training.save(model, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    loaded = keras.models.load_model(files[0])
    assert weights(loaded) == weights(model)
    assert getattr(loaded, "optimizer", None) is None


def test_a_loss_that_is_no_number_ends_the_training(make_split: MakeSplit) -> None:
    with pytest.raises(
        Diverged, match=r"^learning_rate: 1e\+20 is too much; the loss is (nan|inf) after epoch 1"
    ):
        train(make_split(100), make_split(0), CONSTANT, learning_rate=1e20)


@pytest.mark.parametrize("recipe", [ONECYCLE, CONSTANT], ids=["onecycle", "constant"])
def test_weights_decay(make_split: MakeSplit, recipe: dict[str, Any]) -> None:
    sizes = []
    for decay in (0.0, 0.5):
        model, _ = train(make_split(100), make_split(0), recipe | {"weight_decay": decay})
        sizes.append(sum(float(np.square(w).sum()) for w in model.trainable_weights))
    assert sizes[1] < 0.9 * sizes[0]


def test_smoothed_labels_make_the_network_less_sure_and_the_loss_stays_comparable(
    make_split: MakeSplit,
) -> None:
    split = make_split(400)
    surest = []
    for smoothing in (0.0, 0.3):
        recipe = CONSTANT | {"label_smoothing": smoothing}
        model, history = train(split, split, recipe, epochs=6, learning_rate=0.01)
        probabilities = model.predict(split.images, verbose=0)
        likelihood = probabilities[np.arange(len(split)), split.labels]
        assert history[-1].val_loss == pytest.approx(-np.log(likelihood).mean(), rel=1e-3)
        surest.append(probabilities.max(axis=1).mean())
    assert surest[1] < surest[0] - 0.1
