from typing import Any

import numpy as np
import pytest
from keras import layers

from digits import models

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)


def test_the_tutorial_network_is_the_tutorials() -> None:
    network = models.tutorial(filters=32, units=100)
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
    network = models.compact(filters=[16, 48, 96], first_layer="learnt", dropout=0.3)
    assert network.count_params() == 58_074
    heights = [layer.output.shape[1] for layer in network.layers if isinstance(layer, layers.Conv2D)]
    assert heights == [24, 10, 3]


def test_the_first_layer_is_fixed_or_learnt() -> None:
    fixed, learnt = (models.compact([8, 4], first_layer=kind, dropout=0) for kind in ("cosines", "learnt"))
    assert len(learnt.trainable_weights) == len(fixed.trainable_weights) + 3  # the kernel, scale and centre
    kernel = fixed.layers[1].get_weights()[0].reshape(25, 8)
    waves, opposite = kernel[:, ::2], kernel[:, 1::2]
    np.testing.assert_array_equal(waves, -opposite)
    np.testing.assert_allclose(waves.T @ waves, np.eye(4), atol=1e-6)
    np.testing.assert_allclose(waves[:, 0], 0.2)  # the slowest of all is the mean


def test_the_best_network_has_its_convolutions_in_stages() -> None:
    network = models.vgg(filters=[[32, 64], [96, 128], [192]], dropout=0.4)
    assert network.count_params() == 415_530
    heights = [layer.output.shape[1] for layer in network.layers if isinstance(layer, layers.Conv2D)]
    assert heights == [26, 24, 10, 8, 2]
    assert sum(isinstance(layer, layers.MaxPooling2D) for layer in network.layers) == 2


@pytest.mark.parametrize(
    "network",
    [models.vgg(filters=[[8]], dropout=0.5), models.compact(filters=[8], first_layer="learnt", dropout=0.5)],
    ids=["vgg", "compact"],
)
def test_dropout_is_for_training_alone(network: Any) -> None:
    still, again = (np.asarray(network(IMAGES)) for _ in range(2))
    np.testing.assert_array_equal(still, again)
    drawn = [layer.rate for layer in network.layers if isinstance(layer, layers.Dropout)]
    assert drawn == [0.5]


@pytest.mark.parametrize(
    "network",
    [
        models.tutorial(filters=4, units=8),
        models.compact(filters=[4, 8], first_layer="cosines", dropout=0.5),
        models.vgg(filters=[[4, 4], [8]], dropout=0.5),
    ],
    ids=["tutorial", "compact", "vgg"],
)
def test_a_network_takes_raw_pixels_and_gives_probabilities(network: object) -> None:
    probabilities = np.asarray(network(IMAGES))  # type: ignore[operator]
    assert probabilities.shape == (3, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_pixels_are_scaled_to_one() -> None:
    network = models.compact(filters=[4], first_layer="cosines", dropout=0)
    scaled = network.layers[0](np.array([[0, 51, 255]], np.uint8))
    np.testing.assert_allclose(np.asarray(scaled), [[0, 0.2, 1]], rtol=1e-6)
    assert np.asarray(scaled).dtype == np.float32
