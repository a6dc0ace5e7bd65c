"""What the networks are put together from. Keras is imported when a network is built, since the configuration
reads the signatures of networks, and that must be quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras


def scaled_input(shape: tuple[int, int, int]) -> keras.Sequential:
    """Return a network that scales uint8 pixels from 0 to 255 to [0, 1]. `shape` is that of an image."""
    from keras import Input, Sequential, layers

    return Sequential([Input(shape, dtype="uint8"), layers.Rescaling(1 / 255)])


def add_convolution(
    network: keras.Sequential, filters: int, kernel: int, pooled: bool, fixed: bool = False
) -> None:
    """Add a convolution without padding, 2 x 2 pooling if `pooled`, batch normalisation (Ioffe and Szegedy,
    2015) and ReLU. The weights of a `fixed` block are not trained.

    Pooling comes first because the maximum of four pixels commutes with the two that follow, up to the sign
    of the scale, and they then have a quarter of the work.
    """
    from keras import layers

    network.add(layers.Conv2D(filters, kernel, use_bias=False, trainable=not fixed))
    if pooled:
        network.add(layers.MaxPooling2D(2))
    # of the running averages; the default of 0.99 lags behind in few epochs
    network.add(layers.BatchNormalization(momentum=0.9, center=not fixed, scale=not fixed))
    network.add(layers.ReLU())


def add_classifier(network: keras.Sequential, dropout: float, classes: int) -> None:
    """Add dropout (Srivastava et al., 2014) and a dense layer with a probability for each class."""
    from keras import layers

    network.add(layers.Flatten())
    network.add(layers.Dropout(dropout))
    network.add(layers.Dense(classes, activation="softmax"))


def cosine_kernel(size: int, channels: int, n: int) -> NDArray[np.float32]:
    """Return a kernel, (size, size, channels, n) float32: the slowest waves of the two-dimensional cosine
    transform (Ahmed et al., 1974) of the mean over the channels, each with both signs because ReLU keeps only
    one."""
    position, frequency = np.arange(size) + 0.5, np.arange(size)
    waves = (
        np.cos(np.pi / size * np.outer(frequency, position))
        / np.sqrt(np.where(frequency, size / 2, size))[:, None]
    )
    planes = np.einsum("ay,bx->abyx", waves, waves).reshape(-1, size, size)
    slowest = np.argsort(np.add.outer(frequency**2, frequency**2).reshape(-1), kind="stable")
    pairs = np.stack([planes[slowest], -planes[slowest]], axis=1).reshape(-1, size, size)
    kernel = np.moveaxis(pairs[:n], 0, -1)[:, :, None].astype(np.float32)
    return np.repeat(kernel / np.float32(channels), channels, axis=2)
