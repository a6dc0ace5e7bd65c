import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from digits import config, training
from digits.data import Split
from digits.training import Epoch

MakeSplit = Callable[[int], Split]

ONECYCLE: dict[str, Any] = {
    "name": "onecycle",
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "schedule": {"name": "onecycle", "warmup": 0.25},
    "shift": 1,
    "epochs": 1,
    "batch_size": 1,
    "learning_rate": 1.0,
}
CONSTANT = ONECYCLE | {"optimizer": {"name": "adam"}, "schedule": {"name": "constant"}, "shift": 0}
NETWORK = next(n for n in config.NETWORKS if n.__name__ == "compact")(
    name="small", network="compact", filters=[4, 8]
)


def train(
    split: Split, validation: Split, recipe: dict[str, Any] = ONECYCLE, **changes: Any
) -> tuple[keras.Model, list[Epoch]]:
    settings: dict[str, Any] = {"seed": 0, "epochs": 2, "batch_size": 32, "learning_rate": 0.1}
    settings |= {"on_epoch": lambda _: None} | changes
    return training.train(NETWORK, config.Recipe(**recipe), split, validation, **settings)


def weights(model: keras.Model) -> str:
    return hashlib.md5(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


def test_it_learns(make_split: MakeSplit) -> None:
    _, history = train(make_split(400), make_split(100), epochs=5)
    assert history[-1].val_accuracy is not None
    assert history[-1].val_accuracy > 0.9


@pytest.mark.parametrize("recipe", [ONECYCLE, CONSTANT], ids=["onecycle", "constant"])
def test_the_same_seed_gives_the_same_bits(make_split: MakeSplit, recipe: dict[str, Any]) -> None:
    runs = [train(make_split(100), make_split(10), recipe, seed=seed)[0] for seed in (0, 0, 1)]
    first, again, other = map(weights, runs)
    assert first == again != other


def test_each_epoch_is_told_as_it_ends(make_split: MakeSplit) -> None:
    told: list[Epoch] = []
    _, history = train(make_split(100), make_split(20), epochs=3, on_epoch=told.append)
    assert told == history
    assert [epoch.epoch for epoch in told] == [1, 2, 3]


def test_without_validation_images_there_are_no_validation_figures(make_split: MakeSplit) -> None:
    _, history = train(make_split(100), make_split(0))
    assert history[0].val_accuracy is None
    assert history[0].val_loss is None


def test_one_cycle_climbs_to_its_peak_and_falls_to_zero(make_split: MakeSplit) -> None:
    _, history = train(make_split(64), make_split(0), epochs=8, learning_rate=0.4)  # 16 steps
    rates = [epoch.learning_rate for epoch in history]
    assert rates[1] == pytest.approx(0.4)  # after 25 % of the steps
    assert rates[:2] == sorted(rates[:2])
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_a_constant_rate_stays(make_split: MakeSplit) -> None:
    _, history = train(make_split(64), make_split(0), CONSTANT, learning_rate=0.01)
    assert [epoch.learning_rate for epoch in history] == pytest.approx([0.01, 0.01])


def epoch_of(split: Split, shift: int = 0, seed: int = 0, epochs: int = 1) -> list[tuple[Any, Any]]:
    dataset = training.batches(split, 32, seed=seed, shift=shift)
    passes = [list(dataset.as_numpy_iterator()) for _ in range(epochs)]
    return [(np.concatenate([x for x, _ in p]), np.concatenate([y for _, y in p])) for p in passes]


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


@pytest.mark.parametrize("shift", [1, 3])
def test_images_move_by_whole_pixels_within_the_bound(shift: int) -> None:
    point = np.zeros((500, 28, 28, 1), np.uint8)
    point[:, 14, 10] = 200
    ((images, _),) = epoch_of(Split(point, np.zeros(500, np.uint8)), shift)
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


def test_equal_weights_make_equal_files_that_load(make_split: MakeSplit, tmp_path: Path) -> None:
    files = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for file in files:
        model, _ = train(make_split(100), make_split(0))
        training.save(model, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    loaded = keras.models.load_model(files[0])
    assert weights(loaded) == weights(model)
    assert getattr(loaded, "optimizer", None) is None
