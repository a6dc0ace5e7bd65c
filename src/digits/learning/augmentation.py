"""Batches of images for training and validation. The images stay in memory once, as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from digits.config import Recipe
from digits.data import Split
from digits.selection import Order

if TYPE_CHECKING:
    import tensorflow as tf


def augmented(split: Split, recipe: Recipe, seed: int, order: Order) -> tf.data.Dataset:
    """An epoch of (b, 28, 28, 1) uint8 images, (b,) labels, and the rows and weights that `order` gives,
    another order every time, each image moved, turned and stretched at random within the bounds that
    `recipe` sets."""
    import tensorflow as tf

    gather = _gather(split, recipe.shift)

    def batch(chosen: tuple[Any, Any], random: Any) -> Any:
        rows, weights = chosen
        moves, turns = tf.unstack(tf.random.split(random))
        images, labels = gather(rows, moves)
        if recipe.rotation or recipe.scaling:
            images = _turned(images, turns, np.radians(recipe.rotation), recipe.scaling)
        return images, labels, rows, weights

    random = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    rows = random.take(1).flat_map(lambda once: tf.data.Dataset.from_tensor_slices(order.draw(once)))
    dataset = (
        tf.data.Dataset.zip(rows.batch(order.batch_size, drop_remainder=True), random.skip(1))
        .map(batch)
        .prefetch(4)
    )
    steps = order.size // order.batch_size
    return _untuned(dataset.apply(tf.data.experimental.assert_cardinality(steps)))


def in_order(split: Split, batch_size: int = 1000) -> tf.data.Dataset:
    """The whole split, once, in order."""
    import tensorflow as tf

    return _untuned(tf.data.Dataset.from_tensor_slices((split.images, split.labels)).batch(batch_size))


def _gather(split: Split, shift: int) -> Any:
    """A function from (b,) rows and a random seed to images and labels.

    Each image moves by up to `shift` whole pixels along each axis, as if it lay on a larger sheet of
    zeros. A batch is one gather, of 784 pixels around a corner for each image, so that moving them costs
    nothing more.
    """
    import tensorflow as tf

    _, height, width, _ = split.images.shape
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

    return gather


def _turned(images: Any, random: Any, rotation: float, scaling: float) -> Any:
    """The images turned by up to `rotation` radians about their centre, and each axis stretched or shrunk by
    up to the share `scaling`; bilinear, with zeros beyond the edge."""
    import tensorflow as tf

    n, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    draws = tf.random.stateless_uniform((3, n), random, -1, 1)
    cosine, sine = tf.cos(rotation * draws[0]), tf.sin(rotation * draws[0])
    tall, wide = 1 + scaling * draws[1], 1 + scaling * draws[2]
    x, y = (width - 1) / 2, (height - 1) / 2
    # from where in the image each pixel comes: (x, y) = (a x' + b y' + c, d x' + e y' + f)
    a, b, d, e = wide * cosine, -wide * sine, tall * sine, tall * cosine
    none = tf.zeros(n)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, x - a * x - b * y, d, e, y - d * x - e * y, none, none], axis=1),
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Without the thread that tunes the pipeline while it runs: there is nothing to tune here, and on busy
    processors an epoch's end waits for it, up to five seconds."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
