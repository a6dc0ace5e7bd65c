"""Which images an epoch is trained on, and in which order."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from digits.learning.selection import Order, epoch_size, hardest_images, select_images
from digits.recipe import All, Hardest

LOSSES = np.random.default_rng(0).permutation(100).astype(np.float32)
ALL = All(name="all")


def hardest(share: float = 0.4, random: float = 0.5, after: int = 1) -> Hardest:
    return Hardest(name="hardest", after=after, share=share, random=random)


def select(
    selection: All | Hardest, seed: int = 0, losses: Any = LOSSES, epoch: int = 2, batch_size: int = 10
) -> Order:
    return select_images(selection, epoch, losses, batch_size, np.random.default_rng(seed))


def highest(n: int) -> set[int]:
    ranked: NDArray[np.intp] = np.argsort(-LOSSES)
    return set(ranked[:n].tolist())


def test_all_images_are_there_once_in_an_order_of_its_own_for_each_epoch() -> None:
    (rows, weights), (others, _) = select(ALL), select(ALL, seed=1)
    assert sorted(rows) == sorted(others) == list(range(100))
    assert not np.array_equal(rows, others)
    assert (weights == 1).all()


@pytest.mark.parametrize("selection", [ALL, hardest()], ids=["all", "hardest"])
def test_equal_random_numbers_and_losses_give_the_same_order(selection: All | Hardest) -> None:
    for one, other in zip(select(selection, seed=3), select(selection, seed=3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_makes_no_whole_batch_waits_for_another_epoch() -> None:
    epochs = [set(select(ALL, seed, batch_size=30)[0].tolist()) for seed in range(9)]
    assert {len(rows) for rows in epochs} == {90}
    assert set.union(*epochs) == set(range(100))


def test_the_first_epochs_are_trained_on_all_images() -> None:
    sizes = [epoch_size(hardest(after=2), epoch, 100, 10) for epoch in (1, 2, 3, 4)]
    assert sizes == [100, 100, 40, 40]
    rows, weights = select(hardest(after=2), epoch=2)
    np.testing.assert_array_equal(rows, select(ALL)[0])
    assert (weights == 1).all()


@pytest.mark.parametrize(("share", "size"), [(0.37, 40), (0.01, 10), (0.99, 100)])
def test_a_selective_epoch_has_whole_batches_and_one_at_least(share: float, size: int) -> None:
    assert epoch_size(hardest(share), 2, 100, 10) == size
    assert [len(part) for part in select(hardest(share))] == [size, size]


def test_a_selective_epoch_has_no_more_batches_than_there_are() -> None:
    assert epoch_size(hardest(0.99), 2, n=98, batch_size=40) == 80


def test_the_hardest_are_always_there_and_the_others_drawn_from_the_rest() -> None:
    (rows, _), (others, _) = select(hardest()), select(hardest(), seed=1)
    assert len(set(rows)) == len(set(others)) == 40
    assert highest(20) < set(rows)
    assert highest(20) < set(others)
    assert set(rows) != set(others)


def test_the_hardest_and_the_others_are_shuffled_together() -> None:
    rows, _ = select(hardest())
    among_the_first = len(highest(20) & set(rows[:20].tolist()))
    assert 4 < among_the_first < 16


def test_weights_make_averages_those_of_all_images() -> None:
    sums = [LOSSES[rows] @ weights for rows, weights in (select(hardest(), seed) for seed in range(200))]
    assert abs(np.mean(sums) / LOSSES.sum() - 1) < 0.02
    rows, weights = select(hardest())
    np.testing.assert_allclose(weights.sum(), 100, rtol=1e-5)
    assert all(weight == 1 for row, weight in zip(rows, weights, strict=True) if row in highest(20))


def test_the_order_follows_the_losses_as_they_change() -> None:
    losses = np.zeros(100, np.float32)
    losses[50:59] = 1
    rows, _ = select(hardest(share=0.1, random=0.1), losses=losses)
    assert set(range(50, 59)) < set(rows)


def test_with_a_random_share_of_one_all_are_drawn_and_stand_for_all() -> None:
    rows, weights = hardest_images(LOSSES, 20, 1, np.random.default_rng(0))
    assert len(set(rows)) == 20
    assert not highest(10) < set(rows)
    assert (weights == 5).all()


def test_a_random_share_that_comes_to_no_image_leaves_the_hardest() -> None:
    rows, weights = hardest_images(LOSSES, 20, 0.01, np.random.default_rng(0))
    assert set(rows) == highest(20)
    assert (weights == 1).all()
