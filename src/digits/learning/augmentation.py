"""Vary images at random while they are trained on: move, rotate, scale and mirror them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from digits.config.schema import Config
from digits.data.splits import Split


class Augmentation:
    """The images of a split in memory, once and as bytes, and how a recipe varies them.

    Moving is part of taking images out: each lies on a larger sheet of background, and a batch is one gather
    of a window for each image, so that it costs nothing more.
    """

    def __init__(self, split: Split, config: Config) -> None:
        recipe = config.recipe
        _, self._height, self._width, self._channels = split.images.shape
        self._shift = recipe.shift
        self._rotation, self._scaling = float(np.radians(recipe.rotation)), recipe.scaling
        margin = (self._shift, self._shift)
        self._background = config.data.background_value
        padding = ((0, 0), margin, margin, (0, 0))
        sheets = np.pad(split.images, padding, constant_values=self._background)
        self._stride = sheets.shape[2]
        self._sheet_size = sheets.shape[1] * sheets.shape[2]
        window = np.arange(self._height)[:, None] * self._stride + np.arange(self._width)
        self._window, mirrored = window.reshape(-1), window[:, ::-1].reshape(-1)
        self._mirrored = mirrored if recipe.flip and config.data.flip else None
        self._pixels = tf.constant(sheets.reshape(-1, self._channels))
        self._labels = tf.constant(split.labels)

    def draw(self, n: int, seed: Any) -> tuple[Any, ...]:
        """Return the random numbers for `n` images, which depend on `seed`, (2,) int32, alone: corners of
        windows, (n,) int64, (n, 3) float32 from -1 to 1, and whether to mirror, (n,) bool."""
        seeds = tf.random.split(seed)
        moves = tf.random.stateless_uniform((n, 2), seeds[0], 0, 2 * self._shift + 1, tf.int64)
        turns = tf.random.stateless_uniform((n, 3), seeds[1], -1, 1)
        mirror = tf.zeros(n, tf.bool)
        if self._mirrored is not None:
            mirror = tf.random.stateless_uniform((n,), tf.random.fold_in(seeds[1], 1)) < 0.5
        return moves[:, 0] * self._stride + moves[:, 1], turns, mirror

    def take(self, rows: Any, corners: Any, turns: Any, mirror: Any) -> tuple[Any, Any]:
        """Return the images at `rows`, (n,) int64, varied by what `draw` returned, and their labels."""
        first = rows * self._sheet_size + corners
        window = self._window
        if self._mirrored is not None:
            window = tf.where(mirror[:, None], self._mirrored, self._window)
        images = tf.gather(self._pixels, first[:, None] + window)
        images = tf.reshape(images, (-1, self._height, self._width, self._channels))
        if self._rotation or self._scaling:
            angles, factors = self._rotation * turns[:, 0], 1 + self._scaling * turns[:, 1:]
            images = _rotate_and_scale(images, angles, factors, float(self._background))
        return images, tf.gather(self._labels, rows)


def _rotate_and_scale(images: Any, angles: Any, factors: Any, background: float) -> Any:
    """Return the images rotated about their centre by `angles`, (n,) in radians, and with each axis, vertical
    and horizontal, shrunk by `factors`, (n, 2); bilinear, with `background` beyond the edge."""
    height, width = images.shape[1], images.shape[2]
    cosine, sine = tf.cos(angles), tf.sin(angles)
    tall, wide = factors[:, 0], factors[:, 1]
    x, y = (width - 1) / 2, (height - 1) / 2
    # where in the image each pixel comes from: (x, y) = (a x' + b y' + c, d x' + e y' + f)
    a, b, d, e = wide * cosine, -wide * sine, tall * sine, tall * cosine
    none = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, x - a * x - b * y, d, e, y - d * x - e * y, none, none], axis=1),
        output_shape=(height, width),
        fill_value=background,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
