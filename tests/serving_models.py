"""Models with known answers."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from digits.config.data import Images
from digits.data.arrays import Pixels
from digits.learning import model_file
from support import CLASSES, make_request


def band_image(label: int) -> Pixels:
    """Return an image, (28, 28, 1), of which the model of `band_model` says that it is this class."""
    image = np.zeros((28, 28, 1), np.uint8)
    image[4 + 2 * label : 6 + 2 * label] = 255
    return image


def band_model(sureness: float = 0.01, shift: int = 0) -> keras.Model:
    """Return a model whose answer is the brightest of ten bands of two rows, counted on by `shift`."""
    weights = np.zeros((28, 28, 10), np.float32)
    for label in range(10):
        weights[4 + 2 * label : 6 + 2 * label, :, (label + shift) % 10] = sureness
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.layers[-1].set_weights([weights.reshape(784, 10), np.zeros(10, np.float32)])
    return model


def save_model(model: keras.Model, file: Path, data: Images | None = None) -> Path:
    model_file.save(model, CLASSES, data or make_request().config.data, file)
    return file
