from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from digits import data, files, idx
from digits.data import Settings, Split
from digits.errors import UserError

MakeSplit = Callable[[int], Split]


@pytest.fixture
def raw(tmp_path: Path, make_split: MakeSplit) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for names, split in ((idx.TRAIN, make_split(500)), (idx.TEST, make_split(100))):
        write(folder, names, split.images[..., 0], split.labels)
    files.write_json(folder / "source.json", {"data": "mnist"})
    return folder


def write(folder: Path, names: tuple[str, str], images: np.ndarray, labels: np.ndarray) -> None:
    idx.write(folder / names[0], images.astype(np.uint8))
    idx.write(folder / names[1], labels.astype(np.uint8))


def as_set(split: Split) -> set[bytes]:
    return {image.tobytes() for image in split.images}


def test_the_split_is_a_partition_with_the_same_share_of_each_class(raw: Path, make_split: MakeSplit) -> None:
    prepared = data.prepare(raw, validation=0.2, split_seed=0)
    assert prepared.train.counts() == [40] * 10
    assert prepared.validation.counts() == [10] * 10
    assert as_set(prepared.train) | as_set(prepared.validation) == as_set(make_split(500))
    assert not as_set(prepared.train) & as_set(prepared.validation)


def test_the_test_set_is_left_alone(raw: Path, make_split: MakeSplit) -> None:
    prepared = data.prepare(raw, validation=0.2, split_seed=0)
    np.testing.assert_array_equal(prepared.test.images, make_split(100).images)
    np.testing.assert_array_equal(prepared.test.labels, make_split(100).labels)


def test_images_keep_their_labels(raw: Path) -> None:
    for split in data.prepare(raw, validation=0.2, split_seed=0).splits.values():
        bright_rows = split.images.mean(axis=(2, 3)).argmax(axis=1)
        np.testing.assert_array_equal(bright_rows, 4 + 2 * split.labels.astype(int))


def test_the_seed_decides_which_images_are_held_out(raw: Path) -> None:
    first, again, other = (data.prepare(raw, 0.2, seed).validation for seed in (0, 0, 1))
    assert first.digest() == again.digest() != other.digest()


def test_nothing_is_held_out_where_none_is_asked_for(raw: Path) -> None:
    prepared = data.prepare(raw, validation=0, split_seed=0)
    assert (len(prepared.train), len(prepared.validation)) == (500, 0)


def test_arrays_have_a_channel_and_keep_their_bytes(raw: Path) -> None:
    train = data.prepare(raw, validation=0, split_seed=0).train
    assert train.images.shape == (500, 28, 28, 1)
    assert train.images.dtype == np.uint8


def test_a_share_too_small_for_all_classes_is_refused(raw: Path) -> None:
    with pytest.raises(UserError, match=r"^validation: 0.01 of 500 images"):
        data.prepare(raw, validation=0.01, split_seed=0)


@pytest.mark.parametrize(
    ("shape", "labels", "complaint"),
    [
        ((5, 27, 28), [0, 1, 2, 3, 4], r"shape \(5, 27, 28\)"),
        ((0, 28, 28), [], r"shape \(0, 28, 28\)"),
        ((5, 28, 28), [0, 1, 2, 3], "4 labels for 5 images"),
        ((5, 28, 28), [0, 1, 2, 3, 10], "a label 10, not 0 to 9"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(
    raw: Path, shape: tuple[int, ...], labels: list[int], complaint: str
) -> None:
    write(raw, idx.TEST, np.zeros(shape), np.array(labels))
    with pytest.raises(UserError, match=complaint):
        data.prepare(raw, validation=0.2, split_seed=0)


def test_what_was_saved_is_loaded(raw: Path, tmp_path: Path) -> None:
    prepared = data.prepare(raw, validation=0.2, split_seed=3)
    data.save(prepared, tmp_path / "prepared")
    loaded = data.load(tmp_path / "prepared", Settings("mnist", 0.2, 3))
    for name, split in prepared.splits.items():
        assert loaded.splits[name].digest() == split.digest()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (Settings("sample", 0.2, 3), "data"),
        (Settings("mnist", 0.3, 3), "validation"),
        (Settings("mnist", 0.2, 4), "split_seed"),
    ],
)
def test_data_prepared_with_other_settings_are_refused(
    raw: Path, tmp_path: Path, settings: Settings, key: str
) -> None:
    data.save(data.prepare(raw, validation=0.2, split_seed=3), tmp_path / "prepared")
    with pytest.raises(UserError, match=f"^{key}: ") as error:
        data.load(tmp_path / "prepared", settings)
    assert f"dvc exp run -S data={settings.data} -S validation={settings.validation}" in str(error.value)


def test_missing_data_are_refused_with_the_command_that_prepares_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there; prepare the data: dvc exp run"):
        data.load(tmp_path, Settings("mnist", 0.1, 0))
