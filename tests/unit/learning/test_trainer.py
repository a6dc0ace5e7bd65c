"""The training step, and the loop over the steps of an epoch."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from digits.data.splits import Split
from digits.learning import trainer as module
from digits.learning import training
from digits.learning.trainer import Trainer
from support import SHAPE, MakeSplit, make_request, make_splits

# a network without batch normalisation and dropout, and plain gradient descent
PLAIN = (
    *("model=tutorial", "model.filters=4", "model.units=8", "recipe=sprint", "schedule=constant"),
    *("recipe.optimizer.momentum=0", "recipe.optimizer.nesterov=false"),
)
STANDING = (*PLAIN, "learning_rate=1e-12")  # the weights stay as they are
HALF = (
    *("recipe.selection.name=hardest", "+recipe.selection.after=1"),
    *("+recipe.selection.share=0.5", "+recipe.selection.random=0.5"),
)


def make_trainer(split: Split, *overrides: str) -> Trainer:
    config = make_request(*overrides).config
    keras.utils.set_random_seed(0)
    return Trainer(training.build_model(config.model, SHAPE, 10), config, split)


def losses_and_hits(model: keras.Model, split: Split) -> tuple[Any, Any]:
    """Return the cross-entropy of each image, and whether it is right."""
    probabilities = np.asarray(model(split.images))
    of_label = probabilities[np.arange(len(split)), split.labels]
    return -np.log(of_label), probabilities.argmax(axis=1) == split.labels


@pytest.mark.parametrize("micro_batches", [1, 2, 3])
@pytest.mark.parametrize("images", [6, 5, 2, 1])
def test_the_gradient_of_micro_batches_is_that_of_the_batch(
    make_split: MakeSplit, images: int, micro_batches: int
) -> None:
    split = make_split(images)
    overrides = (f"batch_size={images}", "learning_rate=1.0", f"recipe.micro_batches={micro_batches}")
    trainer = make_trainer(split, *PLAIN, *overrides)
    variables = trainer.model.trainable_variables
    before = trainer.model.get_weights()
    with tf.GradientTape() as tape:
        output = trainer.model(split.images, training=True)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(split.labels, output))
    expected = tape.gradient(loss, variables)
    trainer.run_epoch(1)
    assert any(np.abs(gradient).max() > 0.01 for gradient in expected)
    for old, new, gradient in zip(before, trainer.model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(old - new, gradient, atol=1e-5)


def test_batch_normalisation_sees_each_micro_batch_alone(make_split: MakeSplit) -> None:
    overrides = ("model=compact", "model.filters=[4]", "model.dropout=0", "recipe=sprint", "batch_size=4")
    trained = []
    for micro_batches in (1, 2):
        trainer = make_trainer(make_split(4), *overrides, f"recipe.micro_batches={micro_batches}")
        trainer.run_epoch(1)
        trained.append(trainer.losses.numpy())
    assert np.abs(trained[0] - trained[1]).min() > 1e-4


def test_the_loss_of_each_image_is_noted_at_its_row(make_split: MakeSplit) -> None:
    split = make_split(6)
    trainer = make_trainer(split, *PLAIN, "batch_size=4", "learning_rate=0.1")  # one step, of four images
    expected, _ = losses_and_hits(trainer.model, split)
    trainer.run_epoch(1)
    noted = trainer.losses.numpy()
    trained_on = noted != 0
    assert trained_on.sum() == 4
    np.testing.assert_allclose(noted[trained_on], expected[trained_on], rtol=1e-4)


@pytest.mark.parametrize("smoothing", [0, 0.3])
def test_accuracy_and_loss_are_averages_over_the_images_whatever_is_minimised(
    make_split: MakeSplit, smoothing: float
) -> None:
    split = make_split(40)
    trainer = make_trainer(split, *STANDING, f"recipe.label_smoothing={smoothing}")
    losses, hits = losses_and_hits(trainer.model, split)
    assert trainer.run_epoch(1) == pytest.approx((hits.mean(), losses.mean()), rel=1e-4)


def test_a_selective_epoch_has_the_highest_noted_losses_and_estimates_the_averages_of_all(
    make_split: MakeSplit,
) -> None:
    split = make_split(80)
    trainer = make_trainer(split, *STANDING, *HALF)  # of 40 images 20 are drawn, from 60
    losses, hits = losses_and_hits(trainer.model, split)
    noted = 100 + np.random.default_rng(0).permutation(80)
    trainer.losses.assign(noted)
    accuracy, loss = trainer.run_epoch(2)
    trained_on = np.flatnonzero(trainer.losses.numpy() < 100)
    hardest = np.argsort(-noted)[:20]
    drawn = np.setdiff1d(trained_on, hardest)
    assert set(hardest) < set(trained_on)
    assert len(drawn) == 20
    assert loss == pytest.approx((losses[hardest].sum() + 3 * losses[drawn].sum()) / 80, rel=1e-4)
    assert accuracy == pytest.approx((hits[hardest].sum() + 3 * hits[drawn].sum()) / 80)


def test_a_selection_makes_later_epochs_shorter(make_split: MakeSplit) -> None:
    trainer = make_trainer(make_split(256), *PLAIN, *HALF, "batch_size=32")
    assert [trainer.epoch_size(epoch) for epoch in (1, 2, 3)] == [256, 128, 128]
    trainer.run_epoch(1)
    assert trainer.optimizer.iterations == 8
    trainer.run_epoch(2)
    assert trainer.optimizer.iterations == 8 + 4


def test_the_images_are_reported_as_they_are_trained_on(
    make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEPS_PER_CALL", 2)
    trainer = make_trainer(make_split(59), *PLAIN, "batch_size=10")  # five steps
    reported: list[int] = []
    trainer.run_epoch(1, reported.append)
    assert reported == [20, 20, 10]
    assert sum(reported) == trainer.epoch_size(1)


def test_the_number_of_steps_between_two_reports_does_not_change_the_bits(
    make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for steps in (1, 3, 50):
        monkeypatch.setattr(module, "STEPS_PER_CALL", steps)
        trainer = make_trainer(make_split(50), *PLAIN, "batch_size=10", "learning_rate=0.1", "recipe.shift=1")
        trainer.run_epoch(1)
        results.append(b"".join(weights.tobytes() for weights in trainer.model.get_weights()))
    assert results[0] == results[1] == results[2]


def test_a_training_step_is_traced_once(make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []

    def loss(labels: Any, probabilities: Any) -> Any:
        traced.append(probabilities.shape[0])
        return keras.losses.sparse_categorical_crossentropy(labels, probabilities)

    monkeypatch.setattr(module, "cross_entropy", lambda _: loss)
    monkeypatch.setattr(module, "STEPS_PER_CALL", 3)  # and a call with the step that is left
    overrides = ("model.filters=[4]", "batch_size=32", "epochs=3", "recipe.selection.after=1")
    config = make_request("model=compact", "recipe=onecycle", *overrides).config
    training.train(config, make_splits(train=make_split(128), validation=make_split(10)))
    assert traced == [16, 16]
