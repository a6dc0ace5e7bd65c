"""Images from a folder of pictures. test_pictures.py has what becomes of each file."""

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digits.base.errors import UserError
from digits.config.data import Folder
from digits.data import folder, stored

Get = Callable[..., list[str]]


def picture(value: int, side: int = 8) -> Image.Image:
    return Image.fromarray(np.full((side, side), value, np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of ten pictures, each of its own shade: the cats are even."""
    for number in range(20):
        file = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(file)
    return tmp_path / "photos"


@pytest.fixture
def get(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Get:
    """Return a function that fetches `root` as a preset with these changes says, to `raw`."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))

    def get(**changes: Any) -> list[str]:
        values: dict[str, Any] = {"name": "mine", "source": "folder", "path": str(root), "test": 0.2}
        (tmp_path / "raw").mkdir(exist_ok=True)
        data = Folder(**values | {"color_mode": "grayscale"} | changes)
        return folder.fetch(data, root, tmp_path / "raw")

    return get


def arrays(tmp_path: Path) -> list[Any]:
    return [np.load(tmp_path / "raw" / name) for name in stored.FILES]


def shades(images: Any) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


def findings(tmp_path: Path) -> dict[str, str]:
    rows = csv.DictReader((tmp_path / "outputs/data-mine.csv").open())
    return {row["where"]: f"{row['severity']}: {row['finding']}" for row in rows}


def test_the_classes_are_the_folders_and_a_share_of_each_is_the_test_set(get: Get, tmp_path: Path) -> None:
    assert get() == ["cat", "dog"]
    train, labels, test, test_labels = arrays(tmp_path)
    assert (train.shape, train.dtype, labels.dtype) == ((16, 8, 8, 1), np.uint8, np.uint8)
    assert sorted(shades(train) + shades(test)) == list(range(20))
    assert np.bincount(test_labels).tolist() == [2, 2]
    for images, numbers in ((train, labels), (test, test_labels)):
        assert [shade % 2 for shade in shades(images)] == numbers.tolist()
    assert not (tmp_path / "outputs/data-mine.csv").exists()


def test_images_are_in_the_order_of_their_names_whatever_their_class(get: Get, tmp_path: Path) -> None:
    get()
    train, _, test, _ = arrays(tmp_path)
    assert shades(train) == sorted(shades(train))
    assert shades(test) == sorted(shades(test))


def test_the_same_files_are_the_test_set_each_time(get: Get, tmp_path: Path) -> None:
    get()
    first = [array.tobytes() for array in arrays(tmp_path)]
    get()
    assert [array.tobytes() for array in arrays(tmp_path)] == first


@pytest.fixture
def split_root(root: Path) -> Path:
    for name in ("cat", "dog"):
        (root / "test").mkdir(exist_ok=True)
        (root / "train").mkdir(exist_ok=True)
        (root / name).rename(root / "train" / name)
        (root / "test" / name).mkdir()
        picture(100).save(root / "test" / name / "a.png")
    return root


@pytest.mark.usefixtures("split_root")
def test_a_test_set_can_be_given_as_a_folder(get: Get, tmp_path: Path) -> None:
    assert get(test="given") == ["cat", "dog"]
    train, _, test, test_labels = arrays(tmp_path)
    assert shades(train) == list(range(20))
    assert (shades(test), test_labels.tolist()) == ([100, 100], [0, 1])


@pytest.mark.usefixtures("split_root")
def test_folders_train_and_test_are_not_taken_for_classes(get: Get) -> None:
    with pytest.raises(UserError, match="has the folders train and test; set test: given"):
        get()


def test_a_test_set_that_is_not_there_is_said(get: Get) -> None:
    with pytest.raises(UserError, match="no folder train and no folder test, which test: given needs"):
        get(test="given")


def test_a_test_image_that_is_a_training_image_is_named(
    get: Get, split_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(split_root / "train/dog/03.png", split_root / "test/cat/b.png")
    get(test="given")
    assert findings(tmp_path) == {
        "test/cat/b.png": "note: is the same image as one to train on (train/dog/03.png)"
    }
    assert "note: test/cat/b.png: is the same image" in capsys.readouterr().err


def test_classes_can_be_chosen_and_ordered(get: Get, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "cat", root / "bird")
    assert get(classes=["dog", "cat"]) == ["dog", "cat"]
    train, labels, _, _ = arrays(tmp_path)
    assert [shade % 2 for shade in shades(train)] == [1 - label for label in labels]
    assert findings(tmp_path) == {"bird": "note: is not named in classes, and left out"}


def test_pictures_in_folders_of_a_class_are_found(get: Get, root: Path, tmp_path: Path) -> None:
    (root / "cat/old").mkdir()
    (root / "cat/00.png").rename(root / "cat/old/00.png")
    get()
    assert len(arrays(tmp_path)[0]) == 16


def damage(root: Path) -> None:
    """Put everything that can be wrong into the folder."""
    (root / "cat/broken.png").write_bytes(b"nonsense")
    picture(50, side=9).save(root / "cat/larger.png")
    (root / "empty").mkdir()
    (root / "one").mkdir()
    picture(1).save(root / "one/a.png")
    shutil.copytree(root / "cat", root / "Cat")
    picture(1).save(root / "outside.png")
    (root / "dog/.hidden.png").touch()
    (root / "dog/Thumbs.db").touch()
    (root / "dog/notes.txt").touch()
    (root / "dog/link.png").symlink_to("/etc/hostname")
    (root / "dog/inside.png").symlink_to(root / "cat/00.png")
    (root / "away").symlink_to("/etc")
    os.mkfifo(root / "dog/pipe.png")
    shutil.copy(root / "dog/01.png", os.fsdecode(os.fsencode(root / "dog") + b"/caf\xe9.png"))


@pytest.mark.usefixtures("time_limit")
def test_everything_that_is_wrong_is_found_in_one_go_each_with_its_file(
    get: Get, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(root)
    with pytest.raises(UserError) as error:
        get()
    found = findings(tmp_path)
    problems = {where: text for where, text in found.items() if text.startswith("problem: ")}
    assert problems == {
        "Cat": "problem: differs from another class in case alone (from cat; if that is meant, name all in "
        "classes)",
        "Cat/broken.png": "problem: cannot be read (not a picture)",
        "Cat/larger.png": "problem: has another size than the first picture (9 x 9 and 8 x 8; set size)",
        "away": "problem: is a link that leaves the folder (to /etc)",
        "cat/broken.png": "problem: cannot be read (not a picture)",
        "cat/larger.png": "problem: has another size than the first picture (9 x 9 and 8 x 8; set size)",
        r"dog/caf\xe9.png": "problem: has a name that is not in UTF-8",
        "dog/link.png": f"problem: is a link that leaves the folder (to {Path('/etc/hostname').resolve()})",
        "dog/pipe.png": "problem: is not a regular file",
        "empty": "problem: has no image",
        "one": "problem: has one image, and two are needed",
        "outside.png": "problem: lies in no folder of a class",
    }
    assert found["dog/.hidden.png"] == "note: is hidden, and left out"
    assert found["dog/Thumbs.db"] == "note: is hidden, and left out"
    assert found["dog/notes.txt"] == "note: is no picture, and left out"
    printed = capsys.readouterr().err
    assert all(f"{root / where}: {text[9:]}\n" in printed for where, text in problems.items())
    message = str(error.value)
    assert message.startswith(f"{root}: 12 problems (")
    assert "cannot be read: 2; " in message
    assert f"listed in {tmp_path / 'outputs/data-mine.csv'}; " in message
    assert message.endswith("bad_files: skip in conf/data/mine.yaml")
    assert "\n" not in message


def test_bad_files_can_be_left_out(get: Get, root: Path, tmp_path: Path) -> None:
    damage(root)
    assert get(bad_files="skip", classes=["cat", "dog"]) == ["cat", "dog"]
    train, labels, test, test_labels = arrays(tmp_path)
    assert len(train) + len(test) == len(labels) + len(test_labels) == 21  # with the link inside
    assert findings(tmp_path)["cat/broken.png"] == "note: left out: cannot be read (not a picture)"


def test_classes_that_differ_in_case_are_accepted_if_they_are_named(get: Get, root: Path) -> None:
    shutil.copytree(root / "cat", root / "Cat")
    assert get(classes=["Cat", "cat", "dog"]) == ["Cat", "cat", "dog"]


def test_a_long_list_of_problems_is_cut_on_the_terminal_and_whole_in_the_file(
    get: Get, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        (root / f"cat/bad{number:02}.png").touch()
    with pytest.raises(UserError, match="30 problems"):
        get()
    printed = capsys.readouterr().err.splitlines()
    assert (len(printed), printed[-1]) == (21, "... and 10 more")
    assert len(findings(tmp_path)) == 30


def test_the_report_of_an_earlier_fetch_is_removed(get: Get, root: Path, tmp_path: Path) -> None:
    (root / "cat/bad.png").touch()
    with pytest.raises(UserError):
        get()
    (root / "cat/bad.png").unlink()
    get()
    assert not (tmp_path / "outputs/data-mine.csv").exists()


def test_a_class_that_has_no_folder_is_named(get: Get, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 problem "):
        get(classes=["cat", "dog", "fox"])
    assert findings(tmp_path)["fox"] == "problem: is named in classes, and has no folder"


def test_a_class_of_the_test_set_alone_is_named(get: Get, split_root: Path, tmp_path: Path) -> None:
    (split_root / "test/fox").mkdir()
    picture(1).save(split_root / "test/fox/a.png")
    with pytest.raises(UserError, match="1 problem "):
        get(test="given")
    assert findings(tmp_path)["test/fox"] == "problem: has no folder of this name in train"


@pytest.mark.parametrize("what", ["missing", "file"])
def test_a_path_that_is_no_folder_is_refused(get: Get, root: Path, what: str) -> None:
    shutil.rmtree(root)
    if what == "file":
        root.touch()
    with pytest.raises(UserError, match=r"photos: is not a folder \(path in conf/data/mine.yaml\)"):
        get()


def test_many_pictures_are_read_by_several_processes_as_one_reads_them(
    get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(size=9)
    alone = [array.tobytes() for array in arrays(tmp_path)]
    monkeypatch.setattr("digits.data.chunks.FEW", 1)
    monkeypatch.setattr("digits.data.chunks.CHUNK", 3)
    get(size=9)
    assert [array.tobytes() for array in arrays(tmp_path)] == alone
