"""The networks. A new one is a function here and a file in conf/model/ that gives its arguments.

Each takes raw pixels, (n, 28, 28, 1) from 0 to 255 of any dtype, and returns probabilities, (n, 10)
float32: its first layer scales to [0, 1], so that whoever loads a saved model need not know of it.
"""

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

if TYPE_CHECKING:
    import keras

Share = Annotated[float, Field(ge=0, lt=1)]


def tutorial(filters: PositiveInt, units: PositiveInt) -> "keras.Sequential":
    """One convolution and two dense layers, He-initialised (He et al., 2015)."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((28, 28, 1), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(filters, 3, activation="relu", kernel_initializer="he_uniform"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(units, activation="relu", kernel_initializer="he_uniform"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def compact(
    filters: Annotated[list[PositiveInt], Field(min_length=1, max_length=3)],
    first_layer: Literal["cosines", "learnt"],
    dropout: Share,
) -> "keras.Sequential":
    """The layout of LeNet-5 (LeCun et al., 1998): a convolution without padding for each number in `filters`,
    5 x 5 and then 3 x 3, pooling between them, and one dense layer behind dropout (Srivastava et
    al., 2014). Three leave 3 x 3 pixels of 28 x 28.

    Digits stand in a margin of zeros, so that padding would add little but work. With `cosines` the first
    convolution is fixed, so that nothing has to be propagated back to where the images are largest.
    """
    network = _input()
    for depth, width in enumerate(filters, start=1):
        fixed = depth == 1 and first_layer == "cosines"
        _block(network, width, 5 if depth == 1 else 3, pooled=depth < len(filters), fixed=fixed)
        if fixed:
            network.layers[1].set_weights([_cosines(5, width)])
    return _classifier(network, dropout)


def vgg(
    filters: Annotated[
        list[Annotated[list[PositiveInt], Field(min_length=1)]], Field(min_length=1, max_length=3)
    ],
    dropout: Share,
) -> "keras.Sequential":
    """Stages of 3 x 3 convolutions (Simonyan and Zisserman, 2014) without padding, one for each number in
    each list of `filters`, with pooling between the stages, and one dense layer behind dropout. Two,
    two and one leave 2 x 2 pixels of 28 x 28."""
    network = _input()
    for stage, widths in enumerate(filters, start=1):
        for depth, width in enumerate(widths, start=1):
            _block(network, width, 3, pooled=depth == len(widths) and stage < len(filters))
    return _classifier(network, dropout)


def _input() -> "keras.Sequential":
    from keras import Input, Sequential, layers

    return Sequential([Input((28, 28, 1), dtype="uint8"), layers.Rescaling(1 / 255)])


def _block(network: "keras.Sequential", filters: int, kernel: int, pooled: bool, fixed: bool = False) -> None:
    """Pooling comes before batch normalisation (Ioffe and Szegedy, 2015) and ReLU: the maximum of four
    pixels commutes with both, up to the sign of the scale, and they then have a quarter of the work."""
    from keras import layers

    network.add(layers.Conv2D(filters, kernel, use_bias=False, trainable=not fixed))
    if pooled:
        network.add(layers.MaxPooling2D(2))
    # of the running averages; 0.99 lags behind in few epochs
    network.add(layers.BatchNormalization(momentum=0.9, center=not fixed, scale=not fixed))
    network.add(layers.ReLU())


def _classifier(network: "keras.Sequential", dropout: float) -> "keras.Sequential":
    from keras import layers

    network.add(layers.Flatten())
    network.add(layers.Dropout(dropout))
    network.add(layers.Dense(10, activation="softmax"))
    return network


def _cosines(size: int, n: int) -> NDArray[np.float32]:
    """A kernel, (size, size, 1, n) float32: the slowest waves of the two-dimensional cosine transform (Ahmed
    et al., 1974), each with both signs, since ReLU keeps only one."""
    position, frequency = np.arange(size) + 0.5, np.arange(size)
    waves = (
        np.cos(np.pi / size * np.outer(frequency, position))
        / np.sqrt(np.where(frequency, size / 2, size))[:, None]
    )
    planes = np.einsum("ay,bx->abyx", waves, waves).reshape(-1, size, size)
    slowest = np.argsort(np.add.outer(frequency**2, frequency**2).reshape(-1), kind="stable")
    pairs = np.stack([planes[slowest], -planes[slowest]], axis=1).reshape(-1, size, size)
    return np.moveaxis(pairs[:n], 0, -1)[:, :, None].astype(np.float32)
