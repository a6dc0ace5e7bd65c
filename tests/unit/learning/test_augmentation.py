"""Images that are varied at random while they are trained on."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from digits.config.schema import Config
from digits.data.splits import Split
from digits.learning.augmentation import Augmentation
from support import MakeSplit, make_request


def config_with(*changes: str) -> Config:
    """Return recipe=sprint, which varies nothing, with `changes`."""
    return make_request("recipe=sprint", *(f"recipe.{change}" for change in changes)).config


def vary(split: Split, *changes: str, seed: int = 0) -> Any:
    """Return all images of the split, in order, varied as a recipe with `changes` says."""
    augmentation = Augmentation(split, config_with(*changes))
    draws = augmentation.draw(len(split), tf.constant([seed, 0]))
    images, _ = augmentation.take(tf.range(len(split), dtype=tf.int64), *draws)
    return np.asarray(images)


def unlabelled(images: Any) -> Split:
    return Split(images, np.zeros(len(images), np.uint8))


def bars(n: int) -> Split:
    """Upright bars of 16 by 4 pixels in the middle."""
    images = np.zeros((n, 28, 28, 1), np.uint8)
    images[:, 6:22, 12:16] = 200
    return unlabelled(images)


def moments(images: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Of each image: where its middle is, its extent along both axes, and how far it leans, in radians."""
    weights = images[..., 0] / images.sum(axis=(1, 2, 3))[:, None, None]
    rows, columns = np.mgrid[:28, :28]
    row, column = (weights * rows).sum(axis=(1, 2)), (weights * columns).sum(axis=(1, 2))
    r, c = rows - row[:, None, None], columns - column[:, None, None]
    rr, cc, rc = ((weights * product).sum(axis=(1, 2)) for product in (r * r, c * c, r * c))
    return row, column, np.sqrt(12 * rr), np.sqrt(12 * cc), np.arctan2(2 * rc, rr - cc) / 2


@pytest.mark.parametrize("shift", [0, 2])
def test_the_images_and_labels_are_those_of_the_rows(make_split: MakeSplit, shift: int) -> None:
    split = make_split(100)
    rows = np.array([7, 99, 0, 7])
    augmentation = Augmentation(split, config_with(f"shift={shift}"))
    corner = shift * (28 + 2 * shift) + shift  # which moves nothing
    images, labels = augmentation.take(
        tf.constant(rows), tf.fill(4, tf.cast(corner, tf.int64)), tf.zeros((4, 3)), tf.zeros(4, tf.bool)
    )
    assert images.dtype == tf.uint8
    np.testing.assert_array_equal(images, split.images[rows])
    np.testing.assert_array_equal(labels, split.labels[rows])


def test_a_recipe_that_varies_nothing_leaves_images_as_they_are(make_split: MakeSplit) -> None:
    np.testing.assert_array_equal(vary(make_split(30)), make_split(30).images)


@pytest.mark.parametrize("shift", [1, 3])
def test_images_move_by_whole_pixels_within_the_bound(shift: int) -> None:
    point = np.zeros((500, 28, 28, 1), np.uint8)
    point[:, 14, 10] = 200
    images = vary(unlabelled(point), f"shift={shift}")
    assert (images.sum(axis=(1, 2, 3)) == 200).all()
    _, rows, columns, _ = np.nonzero(images)
    assert set(rows) == set(range(14 - shift, 15 + shift))
    assert set(columns) == set(range(10 - shift, 11 + shift))


def test_what_leaves_the_image_does_not_come_back_on_the_other_side() -> None:
    column = np.zeros((500, 28, 28, 1), np.uint8)
    column[:, :, 27] = 200
    images = vary(unlabelled(column), "shift=2")
    assert images[:, :, :25].max() == 0
    assert {int(n) for n in (images[:, 14] > 0).sum(axis=(1, 2))} == {0, 1}


def test_images_of_other_sizes_move_with_all_their_channels() -> None:
    point = np.zeros((200, 12, 20, 3), np.uint8)
    point[:, 6, 9] = (10, 20, 30)
    images = vary(unlabelled(point), "shift=1")
    assert images.shape == point.shape
    of_image, rows, columns = np.nonzero(images.any(axis=-1))
    assert list(of_image) == list(range(200))
    assert (images[of_image, rows, columns] == (10, 20, 30)).all()
    assert set(rows) == {5, 6, 7}
    assert set(columns) == {8, 9, 10}


def test_images_turn_about_their_centre_within_the_bound() -> None:
    images = vary(bars(500), "rotation=20")
    row, column, *_, leaning = moments(images.astype(float))
    np.testing.assert_allclose(row, 13.5, atol=0.1)
    np.testing.assert_allclose(column, 13.5, atol=0.1)
    degrees = np.degrees(leaning)
    assert -20.5 < degrees.min() < -18
    assert 18 < degrees.max() < 20.5
    assert abs(degrees.mean()) < 2


def test_images_are_stretched_along_each_axis_within_the_bound() -> None:
    images = vary(bars(500), "scaling=0.25")
    _, _, height, width, leaning = moments(images.astype(float))
    np.testing.assert_allclose(leaning, 0, atol=0.01)
    assert 16 / 1.25 - 0.5 < height.min() < 14
    assert 20 < height.max() < 16 / 0.75 + 0.5
    assert abs(np.corrcoef(height, width)[0, 1]) < 0.3  # one axis does not follow the other


def test_the_same_seed_alone_varies_images_in_the_same_way() -> None:
    def varied(seed: int) -> bytes:
        return bytes(vary(bars(64), "shift=1", "rotation=10", "scaling=0.1", seed=seed).tobytes())

    assert varied(0) == varied(0) != varied(1)


def mirrored_images(*, data: bool, recipe: bool, shift: int = 0) -> Any:
    """Return which of 200 images with a bright left edge come out mirrored."""
    config = config_with(f"flip={str(recipe).lower()}", f"shift={shift}")
    config = config.model_copy(update={"data": config.data.model_copy(update={"flip": data})})
    images = np.zeros((200, 28, 28, 1), np.uint8)
    images[:, :, 3:10] = 200
    augmentation = Augmentation(unlabelled(images), config)
    rows = tf.range(200, dtype=tf.int64)
    varied, _ = augmentation.take(rows, *augmentation.draw(200, tf.constant([0, 0])))
    left, right = (half.sum(axis=(1, 2, 3), dtype=int) for half in np.split(np.asarray(varied), 2, axis=2))
    return left < right


@pytest.mark.parametrize("shift", [0, 2])
def test_half_of_the_images_are_mirrored_if_recipe_and_data_say_so(shift: int) -> None:
    mirrored = mirrored_images(data=True, recipe=True, shift=shift)
    assert 70 < mirrored.sum() < 130


@pytest.mark.parametrize(("data", "recipe"), [(False, True), (True, False)])
def test_no_image_is_mirrored_if_one_of_them_does_not(data: bool, recipe: bool) -> None:
    assert not mirrored_images(data=data, recipe=recipe).any()


@pytest.mark.parametrize("change", ["shift=5", "rotation=40", "scaling=0.3"])
def test_what_comes_from_beyond_the_edge_is_the_background_of_the_data(change: str) -> None:
    config = config_with(change)
    white = config.data.model_copy(update={"background": "white"})
    augmentation = Augmentation(
        unlabelled(np.full((50, 28, 28, 3), 255, np.uint8)), config.model_copy(update={"data": white})
    )
    varied, _ = augmentation.take(tf.range(50, dtype=tf.int64), *augmentation.draw(50, tf.constant([0, 0])))
    np.testing.assert_allclose(np.asarray(varied), 255, atol=1)
