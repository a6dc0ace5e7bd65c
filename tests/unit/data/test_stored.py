"""Images and labels in a NumPy archive."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits.base.errors import UserError
from digits.config.data import Arrays
from digits.data import stored

GREY = np.random.default_rng(0).integers(0, 256, (20, 9, 11), dtype=np.uint8)
LABELS = np.arange(20) % 4


def get(tmp_path: Path, arrays: dict[str, Any], **changes: Any) -> tuple[list[str], list[Any]]:
    """Return the classes and the arrays that are made of an archive."""
    np.savez(tmp_path / "mine.npz", **arrays)
    values: dict[str, Any] = {"name": "mine", "source": "arrays", "path": "mine.npz", "test": 0.2}
    data = Arrays(**values | changes)
    classes = stored.fetch(data, tmp_path / "mine.npz", tmp_path / "raw")
    return classes, [np.load(tmp_path / "raw" / name) for name in stored.FILES]


def test_a_share_of_each_class_is_the_test_set(tmp_path: Path) -> None:
    classes, (train, labels, test, test_labels) = get(tmp_path, {"images": GREY, "labels": LABELS})
    assert classes == ["0", "1", "2", "3"]
    assert (train.shape, test.shape, labels.dtype) == ((16, 9, 11, 1), (4, 9, 11, 1), np.uint8)
    assert sorted(test_labels) == [0, 1, 2, 3]
    rows = {image.tobytes(): label for image, label in zip(GREY, LABELS, strict=True)}
    assert [rows[image.tobytes()] for image in train] == labels.tolist()


def test_the_archive_can_have_a_test_set_and_names_of_classes(tmp_path: Path) -> None:
    arrays = {"images": GREY, "labels": LABELS, "classes": np.array(["a", "b", "c", "d"])}
    arrays |= {"test_images": GREY[:3], "test_labels": LABELS[:3]}
    classes, (train, _, test, test_labels) = get(tmp_path, arrays, test="given")
    assert classes == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(train[..., 0], GREY)
    np.testing.assert_array_equal(test[..., 0], GREY[:3])
    assert test_labels.tolist() == [0, 1, 2]


def test_the_preset_can_name_the_classes(tmp_path: Path) -> None:
    assert get(tmp_path, {"images": GREY, "labels": LABELS}, classes=list("wxyz"))[0] == list("wxyz")


def test_labels_can_be_names(tmp_path: Path) -> None:
    names = np.array(["dog", "cat"])[LABELS % 2]
    classes, (_, labels, _, _) = get(tmp_path, {"images": GREY, "labels": names})
    assert classes == ["cat", "dog"]
    assert sorted(np.bincount(labels)) == [8, 8]


@pytest.mark.parametrize("as_real", [True, False])
def test_real_numbers_are_from_zero_to_one_or_to_255(tmp_path: Path, as_real: bool) -> None:
    images = GREY / 255 if as_real else GREY.astype(np.float32)
    _, (train, *_) = get(tmp_path, {"images": images, "labels": LABELS})
    _, (same, *_) = get(tmp_path, {"images": GREY, "labels": LABELS})
    np.testing.assert_array_equal(train, same)


def test_more_than_256_classes_have_labels_of_16_bits(tmp_path: Path) -> None:
    images = np.zeros((600, 8, 8), np.uint8)
    _, (_, labels, *_) = get(tmp_path, {"images": images, "labels": np.arange(600) % 300}, test=0.5)
    assert (labels.dtype, labels.max()) == (np.uint16, 299)


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"images": GREY}, "has no array labels"),
        ({"images": GREY, "labels": LABELS[:3]}, r"have shapes \(20, 9, 11\) and \(3,\)"),
        ({"images": GREY[0], "labels": LABELS[:9]}, r"have shapes \(9, 11\) and \(9,\)"),
        ({"images": GREY, "labels": LABELS - 1}, "labels must be names, or whole numbers from 0 on"),
        ({"images": GREY, "labels": LABELS / 2}, "labels must be names, or whole numbers"),
        ({"images": GREY * 2.0, "labels": LABELS}, "values from 0 to 255, or real numbers from 0 to 1"),
        ({"images": GREY - 300.0, "labels": LABELS}, "values from 0 to 255"),
        (
            {"images": GREY, "labels": np.arange(20)},
            "2 images of each class are needed; there are fewer of 0, 1",
        ),
    ],
)
def test_arrays_that_are_no_images_and_labels_are_refused(
    tmp_path: Path, arrays: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        get(tmp_path, arrays)


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"PK\x03\x04"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "mine.npz").write_bytes(content)
    data = Arrays(name="mine", source="arrays", path="mine.npz", test=0.2)
    with pytest.raises(UserError, match=r"mine.npz: (does not exist|is not a NumPy archive)"):
        stored.fetch(data, tmp_path / "mine.npz", tmp_path)


def test_python_objects_are_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a NumPy archive"):
        get(tmp_path, {"images": GREY, "labels": np.array([{}] * 20, object)})
