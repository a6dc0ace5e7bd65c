"""How the images are split. test_archive.py has what is kept on disk."""

from pathlib import Path

import numpy as np
import pytest

from digits.base import files
from digits.base.errors import UserError
from digits.config.data import DataConfig, Idx
from digits.data import sources, splits, stored
from digits.data.splits import Split
from support import MakeSplit


def changed(config: DataConfig, **values: object) -> DataConfig:
    return config.model_copy(update=values)


def as_set(split: Split) -> set[bytes]:
    return {image.tobytes() for image in split.images}


def test_the_split_is_a_partition_with_the_same_share_of_each_class(
    raw: Path, config: DataConfig, make_split: MakeSplit
) -> None:
    prepared = splits.prepare(config, raw)
    assert prepared["train"].class_counts(10) == [40] * 10
    assert prepared["validation"].class_counts(10) == [10] * 10
    assert as_set(prepared["train"]) | as_set(prepared["validation"]) == as_set(make_split(500))
    assert not as_set(prepared["train"]) & as_set(prepared["validation"])


def test_what_is_read_holds_nothing_out_and_has_the_digest_of_the_splits(
    raw: Path, config: DataConfig, make_split: MakeSplit
) -> None:
    found = splits.read(config, raw)
    assert list(found) == ["train", "test"]
    np.testing.assert_array_equal(found["train"].images, make_split(500).images)
    np.testing.assert_array_equal(found["train"].labels, make_split(500).labels)
    assert found.digest == splits.hold_out(found, config).digest


def test_the_test_set_is_left_alone(raw: Path, config: DataConfig, make_split: MakeSplit) -> None:
    test = splits.prepare(config, raw)["test"]
    np.testing.assert_array_equal(test.images, make_split(100).images)
    np.testing.assert_array_equal(test.labels, make_split(100).labels)


def test_images_keep_their_labels(raw: Path, config: DataConfig) -> None:
    for split in splits.prepare(config, raw).values():
        bright_rows = split.images.mean(axis=(2, 3)).argmax(axis=1)
        np.testing.assert_array_equal(bright_rows, 4 + 2 * split.labels.astype(int))


def test_images_keep_their_order(raw: Path, config: DataConfig, make_split: MakeSplit) -> None:
    place = {image.tobytes(): n for n, image in enumerate(make_split(500).images)}
    for name in ("train", "validation"):
        places = [place[image.tobytes()] for image in splits.prepare(config, raw)[name].images]
        assert places == sorted(places)


def test_the_seed_decides_which_images_are_held_out(raw: Path, config: DataConfig) -> None:
    first, again, other = (
        splits.prepare(changed(config, split_seed=seed), raw)["validation"] for seed in (0, 0, 1)
    )
    assert first.digest == again.digest != other.digest


def test_with_a_share_of_zero_nothing_is_held_out(raw: Path, config: DataConfig) -> None:
    prepared = splits.prepare(changed(config, validation=0.0), raw)
    assert (len(prepared["train"]), len(prepared["validation"])) == (500, 0)


def test_arrays_have_a_channel_and_keep_their_bytes(raw: Path, config: DataConfig) -> None:
    train = splits.prepare(changed(config, validation=0.0), raw)["train"]
    assert train.images.shape == (500, 28, 28, 1)
    assert train.images.dtype == np.uint8


def test_a_share_too_small_for_all_classes_is_refused(raw: Path, config: DataConfig) -> None:
    with pytest.raises(UserError, match=r"^validation: 0.01 of 500 images"):
        splits.prepare(changed(config, validation=0.01), raw)


@pytest.mark.parametrize(
    ("shape", "labels", "complaint"),
    [
        ((5, 28, 28, 2), [0, 1, 2, 3, 4], r"shape \(5, 28, 28, 2\)"),
        ((5, 28, 97, 1), [0, 1, 2, 3, 4], "28 x 97 pixels; set size to a value from 8 x 8 to 96 x 96"),
        ((5, 7, 28, 1), [0, 1, 2, 3, 4], "7 x 28 pixels; set size"),
        ((0, 28, 28, 1), [], "no images"),
        ((5, 28, 28, 1), [0, 1, 2, 3], "4 labels for 5 images"),
        ((5, 28, 28, 1), [0, 1, 2, 3, 10], "a label 10, not 0 to 9"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(
    raw: Path, config: DataConfig, shape: tuple[int, ...], labels: list[int], complaint: str
) -> None:
    stored.write(
        {stored.FILES[2]: np.zeros(shape, np.uint8), stored.FILES[3]: np.array(labels, np.uint8)}, raw
    )
    with pytest.raises(UserError, match=complaint):
        splits.prepare(config, raw)


def test_raw_files_of_another_data_set_are_refused(raw: Path, config: DataConfig) -> None:
    mnist = Idx(name="mnist", source="idx", mirrors=["http://a/"], sha256={"a": "0" * 64})
    with pytest.raises(UserError) as error:
        splits.prepare(changed(config, data=mnist), raw)
    assert str(error.value) == (
        f"data: asked for mnist, but {raw} was made with sample; prepare the data: "
        "python src/fetch.py data=mnist out=. && "
        "python src/preprocess.py data=mnist split_seed=3 validation=0.2 out=."
    )


def test_raw_files_with_another_number_of_test_images_are_refused(raw: Path, config: DataConfig) -> None:
    fewer = config.data.model_copy(update={"test": 500})
    with pytest.raises(UserError, match=r"^data.test: asked for 500, but .*raw was made with 1000; prepare"):
        splits.prepare(changed(config, data=fewer), raw)


def test_images_and_labels_decide_the_digest(make_split: MakeSplit) -> None:
    split = make_split(20)
    relabelled = Split(split.images, split.labels[::-1].copy())
    repainted = Split(split.images // 2, split.labels)
    digests = {each.digest for each in (split, make_split(20), relabelled, repainted)}
    assert len(digests) == 3


def raw_with(raw: Path, labels: list[int], classes: list[str]) -> None:
    """Replace the training images by noise with these labels, and the names of the classes."""
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 28, 28, 1), dtype=np.uint8)
    stored.write({stored.FILES[0]: images, stored.FILES[1]: np.array(labels, np.uint8)}, raw)
    files.write_json(raw / "source.json", files.read_json(raw / "source.json") | {"classes": classes})


def test_classes_of_unequal_size_are_held_out_in_the_same_share(raw: Path, config: DataConfig) -> None:
    raw_with(raw, [0] * 300 + [1] * 20 + list(range(2, 10)) * 5, list("0123456789"))
    prepared = splits.prepare(config, raw)
    assert prepared["validation"].class_counts(10) == [60, 4, *[1] * 8]


def test_a_class_with_too_few_images_to_hold_one_out_is_named(raw: Path, config: DataConfig) -> None:
    raw_with(raw, [0, 0, 1, 1, 2, *range(2, 10), *range(4, 10)], list("abcdefghij"))
    with pytest.raises(UserError, match=r"^data: 2 training images of each class are needed; .* fewer of d$"):
        splits.prepare(config, raw)
    raw_with(raw, list(range(10)), list("abcdefghijk"))
    with pytest.raises(UserError, match=r"^data: 1 training images .* fewer of k$"):
        splits.prepare(changed(config, validation=0.0), raw)


def test_test_images_that_are_also_trained_on_are_counted(raw: Path, config: DataConfig) -> None:
    train, test = (np.load(raw / name) for name in (stored.FILES[0], stored.FILES[2]))
    test[[3, 5]] = train[[100, 200]]
    stored.write({stored.FILES[2]: test}, raw)
    assert splits.prepare(config, raw).leaked == 2


def test_images_are_brought_to_the_size_that_the_preset_asks_for(raw: Path, config: DataConfig) -> None:
    data = config.data.model_copy(update={"size": [14, 12], "color_mode": "rgb"})
    files.write_json(raw / "source.json", sources.settings(data) | {"classes": list("0123456789")})
    prepared = splits.prepare(changed(config, data=data), raw)
    assert prepared.shape == (14, 12, 3)
