"""Answer for a few images at a time, as fast as TensorFlow can."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from digits.data.arrays import Pixels

BATCHES = (1, 4, 16, 64)  # for which the model is compiled; what is between is filled up


class Predictor:
    """A model, compiled for batches of fixed sizes: Keras' own `predict` takes some ten times as long for one
    image. May be called from several threads."""

    def __init__(self, model: keras.Model) -> None:
        def call(images: Any) -> Any:
            return model(images, training=False)

        # it compiles each size when it is first called
        self._call = tf.function(call, autograph=False)
        self._shape = model.input_shape[1:]
        for size in BATCHES:
            self(np.zeros((size, *self._shape), np.uint8))

    def __call__(self, images: Pixels) -> NDArray[np.float32]:
        """Return the probabilities of the classes, (n, classes), of images, (n, height, width, channels)
        uint8."""
        parts = [
            self._predict(images[first : first + BATCHES[-1]]) for first in range(0, len(images), BATCHES[-1])
        ]
        return np.concatenate(parts)

    def _predict(self, images: Pixels) -> NDArray[np.float32]:
        size = next(each for each in BATCHES if each >= len(images))
        filled = np.zeros((size, *self._shape), np.uint8)
        filled[: len(images)] = images
        answers: NDArray[np.float32] = self._call(filled).numpy()
        return answers[: len(images)]
