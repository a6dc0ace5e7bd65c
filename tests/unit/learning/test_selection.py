from typing import Any

import numpy as np
import tensorflow as tf

from digits import selection
from digits.config import Hardest

LOSSES = np.random.default_rng(0).permutation(100).astype(np.float32)


def draw(order: selection.Order, seed: int = 0) -> tuple[Any, Any]:
    rows, weights = order.draw(tf.constant([seed, 0], tf.int64))
    assert len(rows) == len(weights) == order.size
    return np.asarray(rows), np.asarray(weights)


def hardest(share: float, random: float) -> selection.Order:
    settings = Hardest(name="hardest", after=1, share=share, random=random)
    return selection.hardest(tf.Variable(LOSSES), 10, settings)


def test_everything_is_each_image_once_in_an_order_of_its_own() -> None:
    order = selection.everything(100, 10)
    (rows, weights), (others, _) = draw(order), draw(order, seed=1)
    assert sorted(rows) == sorted(others) == list(range(100))
    assert not np.array_equal(rows, others)
    assert (weights == 1).all()


def test_what_makes_no_whole_batch_waits_for_another_epoch() -> None:
    order = selection.everything(100, 30)
    epochs = [set(draw(order, seed)[0]) for seed in range(9)]
    assert {len(rows) for rows in epochs} == {90}
    assert set.union(*epochs) == set(range(100))


def test_the_hardest_are_always_there_and_the_others_drawn_from_the_rest() -> None:
    order = hardest(share=0.4, random=0.5)
    (rows, _), (others, _) = draw(order), draw(order, seed=1)
    top = set(np.argsort(-LOSSES)[:20])
    assert len(set(rows)) == len(set(others)) == 40
    assert top < set(rows)
    assert top < set(others)
    assert set(rows) != set(others)


def test_weights_make_averages_those_of_all_images() -> None:
    order = hardest(share=0.4, random=0.5)
    sums = [LOSSES[rows] @ weights for rows, weights in (draw(order, seed) for seed in range(200))]
    assert abs(np.mean(sums) / LOSSES.sum() - 1) < 0.02
    _, weights = draw(order)
    np.testing.assert_allclose(weights.sum(), 100, rtol=1e-5)


def test_an_epoch_is_whole_batches_one_at_least() -> None:
    assert hardest(share=0.37, random=0.5).size == 40
    assert hardest(share=0.01, random=0.5).size == 10
    assert hardest(share=0.99, random=0.5).size == 100


def test_the_order_follows_the_losses_as_they_change() -> None:
    losses = tf.Variable(tf.zeros(100))
    order = selection.hardest(losses, 10, Hardest(name="hardest", after=1, share=0.1, random=0.1))
    losses.scatter_update(tf.IndexedSlices(tf.ones(9), tf.range(50, 59)))
    rows, _ = draw(order)
    assert set(range(50, 59)) < set(rows)
