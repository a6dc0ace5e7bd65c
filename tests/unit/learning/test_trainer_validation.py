"""The scores on validation images after an epoch."""

import keras
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from digits.learning.trainer import Validator
from digits.learning.training import build_model
from support import SHAPE, MakeSplit, make_request


@pytest.fixture
def model() -> keras.Model:
    """A network with batch normalisation and dropout, and averages unlike those of any batch."""
    keras.utils.set_random_seed(0)
    overrides = ("model=compact", "model.filters=[4]", "model.dropout=0.5")
    model = build_model(make_request(*overrides).config.model, SHAPE, 10)
    model(np.random.default_rng(0).integers(0, 99, (50, 28, 28, 1), dtype=np.uint8), training=True)
    return model


@pytest.mark.parametrize("images", [1, 2, 5, 500, 501])
def test_each_image_counts_once(make_split: MakeSplit, model: keras.Model, images: int) -> None:
    split = make_split(images)
    probabilities = np.asarray(model(split.images, training=False), np.float64)
    accuracy = np.mean(probabilities.argmax(axis=1) == split.labels)
    loss = -np.log(probabilities[np.arange(images), split.labels]).mean()
    balanced = balanced_accuracy_score(split.labels, probabilities.argmax(axis=1))
    assert Validator(model, split).scores() == pytest.approx((accuracy, balanced, loss), rel=1e-4)


def test_the_scores_follow_the_weights_and_leave_them_as_they_are(
    make_split: MakeSplit, model: keras.Model
) -> None:
    before = model.get_weights()
    validator = Validator(model, make_split(20))
    loss = validator.scores().loss
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    model.set_weights([0.5 * weights for weights in before])
    assert validator.scores().loss != pytest.approx(loss, rel=0.01)
