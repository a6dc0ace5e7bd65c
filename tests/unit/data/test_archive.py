"""Prepared splits on disk: only those that were asked for, unchanged, are loaded."""

import os
import shlex
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits.base.errors import UserError
from digits.config.compose import compose_values, parse
from digits.config.data import DataConfig
from digits.data import archive
from digits.data.splits import Split, Splits
from support import CLASSES, DIGEST, MakeSplit, make_splits

COMMAND = (
    "prepare the data: python src/fetch.py data=sample{test} out=. && python src/preprocess.py "
    "data=sample{test} split_seed={split_seed} validation={validation} out=."
)
TO_PREPARE = COMMAND.format(test="", split_seed=3, validation=0.2)


@pytest.fixture
def saved(make_split: MakeSplit) -> Splits:
    return make_splits(train=make_split(30), validation=make_split(20), test=make_split(10))


@pytest.fixture
def folder(tmp_path: Path, config: DataConfig, saved: Splits) -> Path:
    archive.save(saved, config, tmp_path / "prepared")
    return tmp_path / "prepared"


def test_what_was_saved_is_loaded(folder: Path, config: DataConfig, saved: Splits) -> None:
    loaded = archive.load(config, folder, "train", "validation", "test")
    assert list(loaded) == ["train", "validation", "test"]
    for name, split in saved.items():
        np.testing.assert_array_equal(loaded[name].images, split.images)
        np.testing.assert_array_equal(loaded[name].labels, split.labels)


def test_only_the_splits_that_are_named_are_read(folder: Path, config: DataConfig) -> None:
    (folder / "test.npz").unlink()
    assert list(archive.load(config, folder, "train")) == ["train"]


def test_check_returns_the_digest_without_reading_images(folder: Path, config: DataConfig) -> None:
    for file in folder.glob("*.npz"):
        file.unlink()
    assert archive.check(config, folder).digest == DIGEST


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"test": 500}, "data.test: asked for 500, but {folder} was made with 1000"),
        ({"split_seed": 4}, "split_seed: asked for 4, but {folder} was made with 3"),
        ({"validation": 0.3}, "validation: asked for 0.3, but {folder} was made with 0.2"),
    ],
)
def test_data_prepared_with_other_settings_are_refused_with_the_command(
    folder: Path, config: DataConfig, changes: dict[str, Any], complaint: str
) -> None:
    data = config.data.model_copy(update={key: changes[key] for key in changes if key == "test"})
    other = config.model_copy(update={"data": data} | changes)
    values = {"split_seed": 3, "validation": 0.2} | changes
    values |= {"test": " data.test=500" if "test" in changes else ""}
    for refused in (archive.check, archive.load):
        with pytest.raises(UserError) as error:
            refused(other, folder)
        assert str(error.value) == f"{complaint.format(folder=folder)}; {COMMAND.format(**values)}"


def test_the_command_prepares_what_was_asked_for(tmp_path: Path, config: DataConfig) -> None:
    with pytest.raises(UserError) as error:
        archive.check(config, tmp_path)
    *_, command = str(error.value).partition("prepare the data: ")
    for part, script in zip(command.split(" && "), ("fetch", "preprocess"), strict=True):
        python, file, *overrides = shlex.split(part)
        assert (python, file) == ("python", f"src/{script}.py")
        composed = parse(compose_values(overrides), DataConfig)
        assert composed.data == config.data
    assert composed == config


def test_a_preset_by_another_name_with_the_same_content_is_accepted(folder: Path, config: DataConfig) -> None:
    renamed = config.model_copy(update={"data": config.data.model_copy(update={"name": "mine"})})
    assert list(archive.load(renamed, folder, "train")) == ["train"]


def test_missing_data_are_refused_with_the_command(tmp_path: Path, config: DataConfig) -> None:
    with pytest.raises(UserError) as error:
        archive.load(config, tmp_path, "train")
    assert str(error.value) == f"{tmp_path}/settings.json: does not exist; {TO_PREPARE}"


def test_other_images_in_a_prepared_file_are_noticed(folder: Path, config: DataConfig, saved: Splits) -> None:
    train = saved["train"]
    np.savez(folder / "train.npz", images=train.images, labels=train.labels[::-1])
    with pytest.raises(UserError) as error:
        archive.load(config, folder, "train")
    assert str(error.value) == f"{folder}/train.npz: has changed since it was prepared; {TO_PREPARE}"


DAMAGES = (
    "one byte",
    "cut",
    "empty",
    "other arrays",
    "compressed",
    "huge header",
    "pipe",
    "folder",
    "missing",
)


def huge_array(file: Path) -> None:
    """Write an archive whose first array claims to have a terabyte."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**12,)}
    with zipfile.ZipFile(file, "w") as archive, archive.open("images.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, header)


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_the_command(folder: Path, config: DataConfig, damage: str) -> None:
    file = folder / "train.npz"
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    match damage:
        case "one byte":
            file.write_bytes(content)
        case "cut":
            file.write_bytes(content[:1000])
        case "empty":
            file.write_bytes(b"")
        case "other arrays":
            np.savez(file, pixels=np.zeros(3))
        case "compressed":
            np.savez_compressed(file, images=np.zeros((9, 28, 28, 1), np.uint8), labels=np.zeros(9, np.uint8))
        case "huge header":
            huge_array(file)
        case "pipe":
            file.unlink()
            os.mkfifo(file)
        case "folder":
            file.unlink()
            file.mkdir()
        case "missing":
            file.unlink()
    with pytest.raises(UserError) as error:
        archive.load(config, folder, "train")
    assert str(error.value).startswith(f"{file}: ")
    assert str(error.value).endswith("must be a regular file" if damage in ("pipe", "folder") else TO_PREPARE)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        pytest.param(np.zeros((3, 28, 28, 1), np.uint8), np.zeros(2, np.uint8), id="fewer labels"),
        pytest.param(np.zeros((3, 28, 28, 1), np.uint8), np.full(3, 10, np.uint8), id="label out of range"),
        pytest.param(np.zeros((3, 28, 28, 2), np.uint8), np.zeros(3, np.uint8), id="two channels"),
        pytest.param(np.zeros((3, 28, 28, 1), np.float32), np.zeros(3, np.uint8), id="floats"),
    ],
)
def test_arrays_that_are_no_split_are_refused_even_if_their_digest_is_right(
    folder: Path, config: DataConfig, images: Any, labels: Any
) -> None:
    split = Split(images, labels)
    splits = dict.fromkeys(("train", "validation", "test"), split)
    archive.save(Splits(splits, "", CLASSES), config, folder)
    with pytest.raises(UserError, match=r"train\.npz: is damaged \("):
        archive.load(config, folder, "train")


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[]", '{"digest": 1, "digests": 2}', "[" * 100_000, " " * 2_000_000, "\udcff"]
)
def test_damaged_settings_are_refused_with_the_command(folder: Path, config: DataConfig, text: str) -> None:
    (folder / "settings.json").write_text(text, errors="surrogateescape")
    with pytest.raises(UserError) as error:
        archive.check(config, folder)
    assert str(folder) in str(error.value)
    assert str(error.value).endswith(TO_PREPARE)
