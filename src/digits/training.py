"""Training: the recipe applied to a network."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from digits import files, models
from digits.config import SGD, Network, OneCycle, Recipe
from digits.data import Split

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

    The same arguments give the same weights, to the bit, on a CPU with as many threads.
    """
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = _build(network)
    steps = epochs * -(-len(training) // batch_size)
    model.compile(
        optimizer=_optimizer(recipe, learning_rate, steps),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=STEPS_PER_CALL,
    )
    history: list[Epoch] = []
    began = time.perf_counter()

    def end_of_epoch(index: int, logs: dict[str, float]) -> None:
        nonlocal began
        now = time.perf_counter()
        history.append(
            Epoch(
                epoch=index + 1,
                accuracy=logs["accuracy"],
                loss=logs["loss"],
                val_accuracy=logs.get("val_accuracy"),
                val_loss=logs.get("val_loss"),
                learning_rate=float(model.optimizer.learning_rate),
                seconds=now - began,
            )
        )
        on_epoch(history[-1])
        began = time.perf_counter()

    model.fit(
        batches(training, batch_size, seed=seed, shift=recipe.shift),
        validation_data=in_order(validation) if len(validation) else None,
        epochs=epochs,
        shuffle=False,  # batches() does
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=end_of_epoch)],
    )
    trained = _build(network)
    trained.set_weights(model.get_weights())
    return trained, history


def _build(network: Network) -> keras.Model:
    model: keras.Model = getattr(models, network.network)(**network.arguments)
    return model


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
    if isinstance(recipe.optimizer, SGD):
        return keras.optimizers.SGD(rate, momentum=recipe.optimizer.momentum, nesterov=True)
    return keras.optimizers.Adam(rate)


def batches(split: Split, batch_size: int, *, seed: int, shift: int) -> tf.data.Dataset:
    """An epoch of (b, 28, 28, 1) uint8 images and (b,) labels, in another order every time.

    With `shift`, each image moves by up to so many pixels along each axis, as if it lay on a larger
    sheet of zeros. The images stay in memory once, as bytes, and a batch is one gather: of 784
    pixels around a corner for each image, so that moving them costs nothing more.
    """
    import tensorflow as tf

    n, height, width, _ = split.images.shape
    sheet = np.pad(split.images, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
    stride = width + 2 * shift
    window = (np.arange(height)[:, None] * stride + np.arange(width)).reshape(-1)
    pixels, labels = tf.constant(sheet.reshape(-1)), tf.constant(split.labels)

    def gather(rows: Any, random: Any) -> Any:
        corners = rows * (sheet.shape[1] * stride)
        if shift:
            moves = tf.random.stateless_uniform((2, tf.size(rows)), random, 0, 2 * shift + 1, tf.int64)
            corners += moves[0] * stride + moves[1]
        images = tf.gather(pixels, corners[:, None] + window)
        return tf.reshape(images, (-1, height, width, 1)), tf.gather(labels, rows)

    order = tf.data.Dataset.range(n).shuffle(n, seed=seed, reshuffle_each_iteration=True)
    random = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    return _untuned(tf.data.Dataset.zip(order.batch(batch_size), random).map(gather).prefetch(4))


def in_order(split: Split, batch_size: int = 1000) -> tf.data.Dataset:
    """The whole split, once, in order."""
    import tensorflow as tf

    return _untuned(tf.data.Dataset.from_tensor_slices((split.images, split.labels)).batch(batch_size))


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Without the thread that tunes the pipeline while it runs: there is nothing to tune here, and on busy
    processors an epoch's end waits for it, up to five seconds."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


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
