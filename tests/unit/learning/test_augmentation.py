from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from conftest import ROOT
from digits import batches, selection
from digits.config import Recipe
from digits.data import Split

MakeSplit = Callable[[int], Split]

RECIPE = {"name": "tutorial"} | yaml.safe_load((ROOT / "conf/recipe/tutorial.yaml").read_text())


def epoch_of(
    split: Split, seed: int = 0, epochs: int = 1, shift: int = 0, rotation: float = 0, scaling: float = 0
) -> list[tuple[Any, Any]]:
    recipe = Recipe(**RECIPE | {"shift": shift, "rotation": rotation, "scaling": scaling})
    dataset = batches.augmented(split, recipe, seed, selection.everything(len(split), 20))
    passes = [list(dataset.as_numpy_iterator()) for _ in range(epochs)]
    return [(np.concatenate([b[0] for b in p]), np.concatenate([b[1] for b in p])) for p in passes]


def test_an_epoch_has_every_image_once_with_its_label(make_split: MakeSplit) -> None:
    split = make_split(100)
    ((images, labels),) = epoch_of(split)
    assert images.dtype == np.uint8
    pairs = zip(images, labels, strict=True)
    original = zip(split.images, split.labels, strict=True)
    assert sorted((i.tobytes(), y) for i, y in pairs) == sorted((i.tobytes(), y) for i, y in original)


def test_the_order_changes_with_the_epoch_and_the_seed(make_split: MakeSplit) -> None:
    first, second = epoch_of(make_split(100), epochs=2)
    (other,) = epoch_of(make_split(100), seed=1)
    assert not np.array_equal(first[0], second[0])
    assert not np.array_equal(first[0], other[0])


def test_a_batch_says_which_rows_it_has_and_the_dataset_how_many_batches(make_split: MakeSplit) -> None:
    split = make_split(100)
    dataset = batches.augmented(split, Recipe(**RECIPE), 0, selection.everything(100, 20))
    found = list(dataset.as_numpy_iterator())
    assert len(found) == len(dataset) == 5
    for images, labels, rows, weights in found:
        np.testing.assert_array_equal(images, split.images[rows])
        np.testing.assert_array_equal(labels, split.labels[rows])
        assert (weights == 1).all()


@pytest.mark.parametrize("shift", [1, 3])
def test_images_move_by_whole_pixels_within_the_bound(shift: int) -> None:
    point = np.zeros((500, 28, 28, 1), np.uint8)
    point[:, 14, 10] = 200
    ((images, _),) = epoch_of(Split(point, np.zeros(500, np.uint8)), shift=shift)
    assert (images.sum(axis=(1, 2, 3)) == 200).all()
    _, rows, columns, _ = np.nonzero(images)
    assert set(rows) == set(range(14 - shift, 15 + shift))
    assert set(columns) == set(range(10 - shift, 11 + shift))


def test_what_leaves_the_image_does_not_come_back_on_the_other_side() -> None:
    column = np.zeros((500, 28, 28, 1), np.uint8)
    column[:, :, 27] = 200
    ((images, _),) = epoch_of(Split(column, np.zeros(500, np.uint8)), shift=2)
    assert images[:, :, :25].max() == 0
    assert {int(n) for n in (images[:, 14] > 0).sum(axis=(1, 2))} == {0, 1}


def bar(n: int) -> Split:
    """Upright bars of 16 by 4 pixels in the middle."""
    images = np.zeros((n, 28, 28, 1), np.uint8)
    images[:, 6:22, 12:16] = 200
    return Split(images, np.zeros(n, np.uint8))


def moments(images: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Of each image: where its middle is, its extent along both axes, and how far it leans, in radians."""
    weights = images[..., 0] / images.sum(axis=(1, 2, 3))[:, None, None]
    rows, columns = np.mgrid[:28, :28]
    row, column = (weights * rows).sum(axis=(1, 2)), (weights * columns).sum(axis=(1, 2))
    r, c = rows - row[:, None, None], columns - column[:, None, None]
    rr, cc, rc = ((weights * product).sum(axis=(1, 2)) for product in (r * r, c * c, r * c))
    return row, column, np.sqrt(12 * rr), np.sqrt(12 * cc), np.arctan2(2 * rc, rr - cc) / 2


def test_images_turn_about_their_centre_within_the_bound() -> None:
    ((images, _),) = epoch_of(bar(500), rotation=20)
    row, column, *_, leaning = moments(images.astype(float))
    np.testing.assert_allclose(row, 13.5, atol=0.1)
    np.testing.assert_allclose(column, 13.5, atol=0.1)
    degrees = np.degrees(leaning)
    assert -20.5 < degrees.min() < -18
    assert 18 < degrees.max() < 20.5
    assert abs(degrees.mean()) < 2


def test_images_are_stretched_along_each_axis_within_the_bound() -> None:
    ((images, _),) = epoch_of(bar(500), scaling=0.25)
    _, _, height, _, leaning = moments(images.astype(float))
    np.testing.assert_allclose(leaning, 0, atol=0.01)
    assert 16 / 1.25 - 0.5 < height.min() < 14
    assert 20 < height.max() < 16 / 0.75 + 0.5


def test_an_augmented_epoch_is_the_same_again_for_the_same_seed_alone() -> None:
    def first(seed: int) -> bytes:
        ((images, _),) = epoch_of(bar(64), seed, shift=1, rotation=10, scaling=0.1)
        return bytes(images.tobytes())

    assert first(0) == first(0) != first(1)
