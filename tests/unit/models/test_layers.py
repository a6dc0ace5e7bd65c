"""The parts of networks."""

import numpy as np
import pytest
from keras import layers

from digits.models.layers import add_classifier, add_convolution, cosine_kernel, scaled_input


def test_pixels_are_scaled_to_one() -> None:
    scaled = np.asarray(scaled_input((28, 28, 1)).layers[0](np.array([[0, 51, 255]], np.uint8)))
    np.testing.assert_allclose(scaled, [[0, 0.2, 1]], rtol=1e-6)
    assert scaled.dtype == np.float32


def test_the_cosine_kernel_has_every_wave_with_both_signs() -> None:
    kernel = cosine_kernel(5, 1, 8)
    assert kernel.shape == (5, 5, 1, 8)
    assert kernel.dtype == np.float32
    flat = kernel.reshape(25, 8)
    np.testing.assert_array_equal(flat[:, ::2], -flat[:, 1::2])


def test_the_waves_of_the_cosine_kernel_are_orthonormal_and_the_slowest_is_the_mean() -> None:
    waves = cosine_kernel(5, 1, 50).reshape(25, 50)[:, ::2]
    np.testing.assert_allclose(waves.T @ waves, np.eye(25), atol=1e-6)
    np.testing.assert_allclose(waves[:, 0], 0.2, rtol=1e-6)


def test_the_cosine_kernel_has_slow_waves_before_fast_ones() -> None:
    waves = cosine_kernel(5, 1, 50)[:, :, 0, ::2]
    changes = [
        int(
            (np.diff(np.sign(waves[:, 0, n])) != 0).sum() ** 2
            + (np.diff(np.sign(waves[0, :, n])) != 0).sum() ** 2
        )
        for n in range(25)
    ]
    assert changes == sorted(changes)


def test_with_an_odd_number_the_last_wave_of_the_cosine_kernel_has_one_sign() -> None:
    np.testing.assert_array_equal(cosine_kernel(5, 1, 7), cosine_kernel(5, 1, 8)[..., :7])


@pytest.mark.parametrize(("pooled", "height"), [(False, 24), (True, 12)])
def test_pooling_halves_the_image_before_normalisation(pooled: bool, height: int) -> None:
    network = scaled_input((28, 28, 1))
    add_convolution(network, filters=2, kernel=5, pooled=pooled)
    _, convolution, *middle, normalisation, relu = network.layers
    assert isinstance(convolution, layers.Conv2D)
    assert not convolution.use_bias
    assert [type(layer) for layer in middle] == [layers.MaxPooling2D] * pooled
    assert isinstance(normalisation, layers.BatchNormalization)
    assert normalisation.momentum == 0.9
    assert isinstance(relu, layers.ReLU)
    assert network.output_shape == (None, height, height, 2)


def test_a_fixed_block_has_no_weights_to_train() -> None:
    network = scaled_input((28, 28, 1))
    add_convolution(network, filters=2, kernel=5, pooled=True, fixed=True)
    assert network.trainable_weights == []


def test_the_classifier_drops_out_and_gives_a_probability_for_each_class() -> None:
    network = scaled_input((28, 28, 1))
    add_classifier(network, dropout=0.3, classes=26)
    _, _, dropout, output = network.layers
    assert dropout.rate == 0.3
    assert (output.units, output.activation.__name__) == (26, "softmax")


def test_the_cosine_kernel_sees_the_mean_of_the_channels() -> None:
    grey, colour = cosine_kernel(5, 1, 8), cosine_kernel(5, 3, 8)
    assert colour.shape == (5, 5, 3, 8)
    np.testing.assert_allclose(colour.sum(axis=2), grey[:, :, 0], rtol=1e-6)
    np.testing.assert_array_equal(colour[:, :, 0], colour[:, :, 2])
