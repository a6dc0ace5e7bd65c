"""Answers for batches of any size."""

import keras
import numpy as np
import pytest

from digits.learning.predictor import BATCHES, Predictor
from digits.learning.training import build_model
from support import SHAPE, make_request


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_model(make_request("model=best", "model.filters=[[4],[8]]").config.model, SHAPE, 10)


@pytest.mark.parametrize("n", [1, 2, 4, 5, 63, 64, 65, 200])
def test_any_number_of_images_has_the_answers_of_keras(model: keras.Model, n: int) -> None:
    images = np.random.default_rng(n).integers(0, 256, (n, *SHAPE), np.uint8)
    answers = Predictor(model)(images)
    assert answers.shape == (n, 10)
    np.testing.assert_allclose(answers, model.predict(images, verbose=0), atol=1e-5)


def test_nothing_is_compiled_after_the_start(model: keras.Model) -> None:
    predictor = Predictor(model)
    for n in range(1, BATCHES[-1] + 1):
        predictor(np.zeros((n, *SHAPE), np.uint8))
    assert predictor._call.experimental_get_tracing_count() == len(BATCHES)
