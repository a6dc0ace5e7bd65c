"""The networks. A new one is a function here and a file in conf/model/ that gives its arguments.

Each takes raw pixels, (n, 28, 28, 1) from 0 to 255 of any dtype, and returns probabilities, (n, 10)
float32: its first layer scales to [0, 1], so that whoever loads a saved model need not know of it.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveInt

if TYPE_CHECKING:
    import keras


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
) -> "keras.Sequential":
    """The layout of LeNet-5 (LeCun et al., 1998): a convolution without padding for each number in `filters`,
    5 x 5 and then 3 x 3, pooling between them, and one dense layer. Three leave 3 x 3 pixels of 28 x 28.

    Digits stand in a margin of zeros, so that padding would add nothing but work: training would take
    1.7 times as long. Pooling comes before batch normalisation (Ioffe and Szegedy, 2015) and ReLU: the
    maximum of four pixels commutes with both, up to the sign of the scale, and they then have a quarter
    of the work.
    """
    from keras import Input, Sequential, layers

    network = Sequential([Input((28, 28, 1), dtype="uint8"), layers.Rescaling(1 / 255)])
    for depth, width in enumerate(filters, start=1):
        network.add(layers.Conv2D(width, 5 if depth == 1 else 3, use_bias=False))
        if depth < len(filters):
            network.add(layers.MaxPooling2D(2))
        network.add(layers.BatchNormalization(momentum=0.9))  # 0.99 lags behind in few epochs
        network.add(layers.ReLU())
    network.add(layers.Flatten())
    network.add(layers.Dense(10, activation="softmax"))
    return network
