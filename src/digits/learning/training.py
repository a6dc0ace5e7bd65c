"""Training: the recipe applied to a network."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digits import batches, files, models, selection
from digits.config import SGD, Hardest, Network, OneCycle, Recipe
from digits.data import Split
from digits.errors import Diverged

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

STEPS_PER_CALL = 50  # training steps between two returns to Python, which costs as much as a step


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What an epoch came to; `epoch` counts from 1, `seconds` are those of the wall clock."""

    epoch: int
    accuracy: float
    loss: float
    val_accuracy: float | None
    val_loss: float | None
    learning_rate: float
    seconds: float


def train(
    network: Network,
    recipe: Recipe,
    training: Split,
    validation: Split,
    *,
    seed: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    on_epoch: Callable[[Epoch], None],
) -> tuple[keras.Model, list[Epoch]]:
    """A trained network, without its optimizer, and its history; `on_epoch` hears of each epoch.

    An epoch is whole batches: what is left of the images waits for the next one, in another order. The same
    arguments give the same weights, to the bit, on a CPU with as many threads; up to three give the
    same. Diverged, a UserError, where the loss is not finite after an epoch.
    """
    import keras
    import tensorflow as tf

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    batch_size = min(batch_size, len(training))
    model = _build(network)
    losses = tf.Variable(tf.zeros(len(training)))
    phases = _phases(recipe, losses, batch_size, epochs)
    steps = sum(phase.epochs * phase.order.size for phase in phases) // batch_size
    trainer = _recording(model, losses)
    trainer.compile(
        optimizer=_optimizer(recipe, learning_rate, steps),
        loss=_cross_entropy(recipe.label_smoothing),
        # the loss with smoothed labels could not be compared with any other
        weighted_metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="cross_entropy")],
        steps_per_execution=STEPS_PER_CALL,
    )
    # what a function creates while it is traced makes TensorFlow trace it again
    trainer.optimizer.build(trainer.trainable_variables)
    trainer.compute_metrics(None, tf.zeros(1), tf.zeros((1, model.output_shape[-1])), tf.zeros(1))
    history: list[Epoch] = []
    began = time.perf_counter()

    def end_of_epoch(index: int, logs: dict[str, float]) -> None:
        nonlocal began
        now = time.perf_counter()
        if not math.isfinite(logs["loss"]):
            raise Diverged(
                f"learning_rate: {learning_rate:g} is too much; the loss is {logs['loss']} "
                f"after epoch {index + 1}"
            )
        history.append(
            Epoch(
                epoch=index + 1,
                accuracy=logs["accuracy"],
                loss=logs["cross_entropy"],
                val_accuracy=logs.get("val_accuracy"),
                val_loss=logs.get("val_cross_entropy"),
                learning_rate=float(trainer.optimizer.learning_rate),
                seconds=now - began,
            )
        )
        on_epoch(history[-1])
        began = time.perf_counter()

    for phase in phases:
        trainer.fit(
            batches.augmented(training, recipe, seed + phase.first, phase.order),
            validation_data=batches.in_order(validation) if len(validation) else None,
            initial_epoch=phase.first,
            epochs=phase.first + phase.epochs,
            shuffle=False,  # the batches are
            verbose=1 if sys.stdout.isatty() else 2,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=end_of_epoch)],
        )
    return model, history


@dataclasses.dataclass(frozen=True)
class _Phase:
    """`epochs` epochs after the first `first`, each of the images that `order` draws."""

    first: int
    epochs: int
    order: selection.Order


def _phases(recipe: Recipe, losses: tf.Variable, batch_size: int, epochs: int) -> list[_Phase]:
    everything = selection.everything(losses.shape[0], batch_size)
    if not isinstance(recipe.selection, Hardest):
        return [_Phase(0, epochs, everything)]
    after = min(recipe.selection.after, epochs)
    hardest = selection.hardest(losses, batch_size, recipe.selection)
    phases = [_Phase(0, after, everything), _Phase(after, epochs - after, hardest)]
    return [phase for phase in phases if phase.epochs]


def _build(network: Network) -> keras.Model:
    model: keras.Model = getattr(models, network.network)(**network.arguments)
    return model


def _recording(model: keras.Model, losses: tf.Variable) -> keras.Model:
    """`model` for training on batches of images, labels, rows and weights: it notes in `losses` the loss of
    each row, and the weights count in the metrics alone.

    The halves of a batch are worked on at the same time, a thread for each: two threads that share the
    operations of such small networks mostly wait for one another. Batch normalisation then sees
    only a half (Hoffer et al., 2017); the gradient is that of the whole.
    """
    import keras
    import tensorflow as tf

    class Recording(keras.Model):  # type: ignore[misc]
        def train_step(self, batch: tuple[Any, Any, Any, Any]) -> dict[str, Any]:
            images, labels, rows, weights = batch
            size = images.shape[0]
            halves = [n for n in (size - size // 2, size // 2) if n]
            found, of_each, gradients = [], [], []
            for x, y in zip(tf.split(images, halves), tf.split(labels, halves), strict=True):
                with tf.GradientTape() as tape:
                    found.append(self(x, training=True))
                    of_each.append(self.loss(y, found[-1]))
                    part = tf.reduce_sum(of_each[-1]) / size
                gradients.append(tape.gradient(part, self.trainable_variables))
            summed = [tf.add_n(parts) for parts in zip(*gradients, strict=True)]
            self.optimizer.apply_gradients(zip(summed, self.trainable_variables, strict=True))
            loss = tf.concat(of_each, 0)
            losses.scatter_update(tf.IndexedSlices(loss, rows))
            self._loss_tracker.update_state(tf.reduce_mean(loss))
            return dict(self.compute_metrics(images, labels, tf.concat(found, 0), sample_weight=weights))

        def test_step(self, batch: tuple[Any, Any]) -> dict[str, Any]:
            images, labels = batch
            size = tf.shape(images)[0]
            half = (size + 1) // 2  # the image in the middle of an odd number is in both: no half is empty
            first, second = (self(x, training=False) for x in (images[:half], images[-half:]))
            found = tf.concat([first, second[2 * half - size :]], 0)
            self._loss_tracker.update_state(tf.reduce_mean(self.loss(labels, found)))
            return dict(self.compute_metrics(images, labels, found))

    return Recording(model.inputs[0], model.outputs[0])


def _cross_entropy(smoothing: float) -> Callable[[Any, Any], Any]:
    """Of each image, with labels that are only so sure (Szegedy et al., 2016)."""
    import keras

    def loss(labels: Any, probabilities: Any) -> Any:
        sure = keras.ops.one_hot(labels, probabilities.shape[-1])
        return keras.losses.categorical_crossentropy(sure, probabilities, label_smoothing=smoothing)

    return loss if smoothing else keras.losses.sparse_categorical_crossentropy


def _optimizer(recipe: Recipe, learning_rate: float, steps: int) -> keras.Optimizer:
    import keras

    rate: Any = learning_rate
    if isinstance(recipe.schedule, OneCycle):
        warmup = round(recipe.schedule.warmup * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else learning_rate,
            warmup_target=learning_rate if warmup else None,
            warmup_steps=warmup,
            decay_steps=max(1, steps - warmup),
        )
    decay = recipe.weight_decay or None
    if isinstance(recipe.optimizer, SGD):
        momentum = recipe.optimizer.momentum
        return keras.optimizers.SGD(rate, momentum=momentum, nesterov=True, weight_decay=decay)
    return keras.optimizers.Adam(rate, weight_decay=decay)


def save(model: keras.Model, file: Path) -> None:
    """Write `model` for `keras.models.load_model`. Equal weights make equal files, unlike with
    `model.save`, which also writes the date and the addresses of objects in memory."""
    model.save(files.create(file))
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(content["metadata.json"])
    content["metadata.json"] = json.dumps({"keras_version": metadata["keras_version"]}).encode()
    content["config.json"] = re.sub(rb', "shared_object_id": \d+', b"", content["config.json"])
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in content.items():
            archive.writestr(zipfile.ZipInfo(name), value)  # ZipInfo's date is 1980
