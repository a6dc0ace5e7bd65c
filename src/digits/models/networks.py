"""The networks. Each takes raw pixels, (n, height, width, channels) uint8 from 0 to 255, and returns
probabilities, (n, classes) float32. Its first layer scales the pixels, so that whoever loads a saved model
need not know about it. `shape` is (height, width, channels).
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PositiveInt

from digits.base.section import Share
from digits.models.layers import add_classifier, add_convolution, cosine_kernel, scaled_input

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]
Kernels = list[list[int]]


def tutorial(shape: Shape, classes: int, *, filters: PositiveInt, units: PositiveInt) -> "keras.Sequential":
    """Build one convolution and two dense layers, initialised after He et al., 2015."""
    from keras import layers

    network = scaled_input(shape)
    network.add(layers.Conv2D(filters, 3, activation="relu", kernel_initializer="he_uniform"))
    network.add(layers.MaxPooling2D(2))
    network.add(layers.Flatten())
    network.add(layers.Dense(units, activation="relu", kernel_initializer="he_uniform"))
    network.add(layers.Dense(classes, activation="softmax"))
    return network


def tutorial_kernels(**_: Any) -> Kernels:
    """Return the sizes of the kernels in each stage."""
    return [[3]]


def compact(
    shape: Shape,
    classes: int,
    *,
    filters: Annotated[list[PositiveInt], Field(min_length=1)],
    first_layer: Literal["cosines", "learnt"],
    dropout: Share,
) -> "keras.Sequential":
    """Build a convolution for each number in `filters`, with pooling between them, and one dense layer after
    dropout. The layout is that of LeNet-5 (LeCun et al., 1998).

    The kernels are 5 x 5 and then 3 x 3, without padding, since digits stand in a margin of zeros. Three
    convolutions leave 3 x 3 of 28 x 28 pixels. With `cosines` the first convolution is fixed, so that no
    gradient has to be propagated to where the images are largest.
    """
    network = scaled_input(shape)
    for depth, (width, (kernel,)) in enumerate(zip(filters, compact_kernels(filters), strict=True), start=1):
        fixed = depth == 1 and first_layer == "cosines"
        add_convolution(network, width, kernel, pooled=depth < len(filters), fixed=fixed)
        if fixed:
            network.layers[1].set_weights([cosine_kernel(5, shape[2], width)])
    add_classifier(network, dropout, classes)
    return network


def compact_kernels(filters: list[int], **_: Any) -> Kernels:
    """Return the sizes of the kernels in each stage."""
    return [[5], *[[3]] * (len(filters) - 1)]


def vgg(
    shape: Shape,
    classes: int,
    *,
    filters: Annotated[list[Annotated[list[PositiveInt], Field(min_length=1)]], Field(min_length=1)],
    dropout: Share,
) -> "keras.Sequential":
    """Build stages of 3 x 3 convolutions without padding (Simonyan and Zisserman, 2014), with pooling between
    the stages, and one dense layer after dropout.

    `filters` has a list for each stage with a number for each convolution. Stages of two, two and one leave
    2 x 2 of 28 x 28 pixels.
    """
    network = scaled_input(shape)
    for stage, widths in enumerate(filters, start=1):
        for depth, width in enumerate(widths, start=1):
            add_convolution(network, width, 3, pooled=depth == len(widths) and stage < len(filters))
    add_classifier(network, dropout, classes)
    return network


def vgg_kernels(filters: list[list[int]], **_: Any) -> Kernels:
    """Return the sizes of the kernels in each stage."""
    return [[3] * len(widths) for widths in filters]
