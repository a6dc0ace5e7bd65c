"""Images as picture files, and the way back."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from digits.base.errors import UserError
from digits.config.data import DataConfig, Folder, Idx
from digits.data import export, idx, sources, splits
from support import MakeSplit


def preset_of(printed: str) -> Folder:
    """Return the preset that the command has printed."""
    return Folder(name="exported", **yaml.safe_load(printed.partition("\n")[2]))


def test_exported_images_make_the_same_data_set_again(
    raw: Path, config: DataConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export.export(config, raw, tmp_path)
    printed = capsys.readouterr().out
    assert printed.startswith(f"600 pictures in {tmp_path}/images; a preset in conf/data/ for them:\n")
    again = config.model_copy(update={"data": preset_of(printed)})
    sources.fetch(again.data, tmp_path / "again")
    first, second = splits.prepare(config, raw), splits.prepare(again, tmp_path / "again")
    assert second.digest == first.digest
    assert second.classes == first.classes
    assert [split.digest for split in second.values()] == [split.digest for split in first.values()]


def test_the_files_lie_in_folders_of_their_classes_and_have_numbers(
    raw: Path, config: DataConfig, tmp_path: Path, make_split: MakeSplit
) -> None:
    export.export(config, raw, tmp_path)
    split = make_split(500)
    for row in (0, 7, 499):
        file = tmp_path / f"images/train/{split.labels[row]}/{row:03}.png"
        np.testing.assert_array_equal(np.asarray(Image.open(file)), split.images[row, ..., 0])
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_names_that_are_no_names_of_folders_and_their_order_are_kept(
    tmp_path: Path, config: DataConfig, make_split: MakeSplit, capsys: pytest.CaptureFixture[str]
) -> None:
    data = idx_preset(tmp_path / "idx", make_split, classes=["T-shirt/top", *"ihgfedcba"])
    named = config.model_copy(update={"data": data})
    sources.fetch(data, tmp_path / "raw")
    export.export(named, tmp_path / "raw", tmp_path)
    preset = preset_of(capsys.readouterr().out)
    assert preset.classes == ["T-shirt-top", *"ihgfedcba"]
    again = named.model_copy(update={"data": preset})
    sources.fetch(preset, tmp_path / "again")
    assert splits.prepare(again, tmp_path / "again").digest == splits.prepare(named, tmp_path / "raw").digest


def idx_preset(folder: Path, make_split: MakeSplit, **changes: object) -> Idx:
    folder.mkdir()
    for (images, labels), n in ((idx.TRAIN, 50), (idx.TEST, 30)):
        split = make_split(n)
        idx.write(folder / images, split.images[..., 0])
        idx.write(folder / labels, split.labels.astype(np.uint8))
    return Idx.model_validate({"name": "mine", "source": "idx", "path": str(folder)} | changes)


def test_an_existing_folder_is_left_alone(raw: Path, config: DataConfig, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="images: exists already; choose another folder with out="):
        export.export(config, raw, tmp_path)
    assert not list((tmp_path / "images").iterdir())


def test_an_error_leaves_nothing(
    raw: Path, config: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        export.export(config, raw, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
