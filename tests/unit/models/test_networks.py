"""The networks. test_models.py has the table that names them."""

from typing import Any

import numpy as np
import pytest
from keras import layers

from digits.models.layers import cosine_kernel
from digits.models.networks import compact, tutorial, vgg

SHAPE = (28, 28, 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)


def heights(network: Any) -> list[int]:
    return [layer.output.shape[1] for layer in network.layers if isinstance(layer, layers.Conv2D)]


def test_the_tutorial_network_is_the_tutorials() -> None:
    network = tutorial(SHAPE, 10, filters=32, units=100)
    kinds = [type(layer) for layer in network.layers]
    assert kinds == [
        layers.Rescaling,
        layers.Conv2D,
        layers.MaxPooling2D,
        layers.Flatten,
        layers.Dense,
        layers.Dense,
    ]
    _, convolution, pooling, _, hidden, output = network.layers
    assert (convolution.filters, convolution.kernel_size, convolution.padding) == (32, (3, 3), "valid")
    assert pooling.pool_size == (2, 2)
    assert (hidden.units, output.units) == (100, 10)
    for layer in (convolution, hidden):
        assert layer.activation.__name__ == "relu"
        assert type(layer.kernel_initializer).__name__ == "HeUniform"
    assert output.activation.__name__ == "softmax"
    assert network.count_params() == 542_230


def test_the_compact_network_has_a_tenth_of_its_parameters() -> None:
    network = compact(SHAPE, 10, filters=[16, 48, 96], first_layer="learnt", dropout=0.3)
    assert network.count_params() == 58_074
    assert heights(network) == [24, 10, 3]


def test_the_first_layer_is_fixed_or_learnt() -> None:
    fixed, learnt = (
        compact(SHAPE, 10, filters=[8, 4], first_layer="cosines", dropout=0),
        compact(SHAPE, 10, filters=[8, 4], first_layer="learnt", dropout=0),
    )
    assert len(learnt.trainable_weights) == len(fixed.trainable_weights) + 3  # the kernel, scale and centre
    np.testing.assert_array_equal(fixed.layers[1].get_weights()[0], cosine_kernel(5, 1, 8))


def test_the_best_network_has_its_convolutions_in_stages() -> None:
    network = vgg(SHAPE, 10, filters=[[32, 64], [96, 128], [192]], dropout=0.4)
    assert network.count_params() == 415_530
    assert heights(network) == [26, 24, 10, 8, 2]
    assert sum(isinstance(layer, layers.MaxPooling2D) for layer in network.layers) == 2


@pytest.mark.parametrize("name", ["vgg", "compact"])
def test_dropout_is_for_training_alone(name: str) -> None:
    network: Any = {
        "vgg": lambda: vgg(SHAPE, 10, filters=[[8]], dropout=0.5),
        "compact": lambda: compact(SHAPE, 10, filters=[8], first_layer="learnt", dropout=0.5),
    }[name]()
    first, again = (np.asarray(network(IMAGES)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    rates = [layer.rate for layer in network.layers if isinstance(layer, layers.Dropout)]
    assert rates == [0.5]


@pytest.mark.parametrize("name", ["tutorial", "compact", "vgg"])
@pytest.mark.parametrize(("shape", "classes"), [(SHAPE, 10), ((20, 33, 3), 26)])
def test_a_network_takes_raw_pixels_and_gives_probabilities(
    name: str, shape: tuple[int, int, int], classes: int
) -> None:
    network: Any = {
        "tutorial": lambda: tutorial(shape, classes, filters=4, units=8),
        "compact": lambda: compact(shape, classes, filters=[4, 8], first_layer="cosines", dropout=0.5),
        "vgg": lambda: vgg(shape, classes, filters=[[4, 4], [8]], dropout=0.5),
    }[name]()
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    probabilities = np.asarray(network(images))
    assert probabilities.shape == (3, classes)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
