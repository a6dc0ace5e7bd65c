"""The stages fetch and preprocess."""

import csv
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digits.base import files, paths
from digits.base.errors import UserError
from digits.config.data import Arrays, Data, DataConfig, Folder, Idx, Package
from digits.data import archive, idx, pipeline, sources


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def mirrored(tmp_path: Path, config: DataConfig) -> DataConfig:
    """A data set of four files in a folder."""
    mirror, sums = tmp_path / "mirror", {}
    mirror.mkdir()
    for name in (*idx.TRAIN, *idx.TEST):
        (mirror / name).write_bytes(gzip.compress(name.encode(), mtime=0))
        sums[name] = hashlib.sha256((mirror / name).read_bytes()).hexdigest()
    data = Idx(name="mnist", source="idx", mirrors=[str(mirror)], sha256=sums)
    return config.model_copy(update={"data": data})


def test_fetch_writes_the_files_and_what_they_are(mirrored: DataConfig, tmp_path: Path) -> None:
    pipeline.fetch(mirrored, tmp_path / "out")
    expected = {f"data/raw/{name}" for name in (*idx.TRAIN, *idx.TEST, "source.json")}
    assert files_in(tmp_path / "out") == expected


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


def test_a_wrong_checksum_leaves_the_folder_as_it_was(mirrored: DataConfig, tmp_path: Path) -> None:
    out, mirror = tmp_path / "out", tmp_path / "mirror"
    pipeline.fetch(mirrored, out)
    before = contents(out)
    assert isinstance(mirrored.data, Idx)
    assert mirrored.data.sha256
    newer = {idx.TRAIN[0]: hashlib.sha256(b"a newer version").hexdigest()}
    (mirror / idx.TRAIN[0]).write_bytes(b"a newer version")
    (mirror / idx.TEST[1]).write_bytes(b"damaged")
    data = mirrored.data.model_copy(update={"sha256": mirrored.data.sha256 | newer})
    with pytest.raises(UserError, match=f"^{idx.TEST[1]}: no mirror has it: .*wrong checksum"):
        pipeline.fetch(mirrored.model_copy(update={"data": data}), out)
    assert contents(out) == before
    assert list(out.iterdir()) == [out / "data"]


def test_nothing_is_written_if_a_file_cannot_be_fetched(mirrored: DataConfig, tmp_path: Path) -> None:
    (tmp_path / "mirror" / idx.TEST[1]).unlink()
    with pytest.raises(UserError, match="no such file"):
        pipeline.fetch(mirrored, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def where_raw_is(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "RAW", raw)


@pytest.mark.usefixtures("where_raw_is")
def test_preprocess_writes_splits_and_reports(
    config: DataConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    pipeline.preprocess(config, out)
    assert files_in(out) == {
        *(f"data/prepared/{name}" for name in ("settings.json", "test.npz", "train.npz", "validation.npz")),
        "reports/class_counts.csv",
        "reports/first_nine.png",
    }
    loaded = archive.load(config, out / "data/prepared", "train", "validation", "test")
    assert [len(split) for split in loaded.values()] == [400, 100, 100]
    rows = list(csv.DictReader((out / "reports/class_counts.csv").open()))
    assert rows == [{"class": str(n), "train": "40", "validation": "10", "test": "10"} for n in range(10)]
    assert capsys.readouterr().out.splitlines() == [
        "training images (500, 28, 28), labels (500,)",
        "test images (100, 28, 28), labels (100,)",
        "train      images (400, 28, 28, 1) uint8, labels (400,)",
        "validation images (100, 28, 28, 1) uint8, labels (100,)",
        "test       images (100, 28, 28, 1) uint8, labels (100,)",
        "10 classes with 40 training images each",
    ]


def idx_files(folder: Path, images: Any, labels: Any) -> Data:
    for (of_images, of_labels), n in ((idx.TRAIN, 40), (idx.TEST, 8)):
        idx.write(folder / of_images, images[:n, ..., 0])
        idx.write(folder / of_labels, labels[:n])
    return Idx(name="mine", source="idx", path=str(folder))


def archive_of_arrays(folder: Path, images: Any, labels: Any) -> Data:
    np.savez(folder / "mine.npz", images=images, labels=labels)
    return Arrays(name="mine", source="arrays", path=str(folder / "mine.npz"), test=0.2)


def picture_files(folder: Path, images: Any, labels: Any) -> Data:
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        file = files.with_parents(folder / f"{label}/{number:02}.png")
        Image.fromarray(np.repeat(image, 3, axis=-1)).save(file)
    return Folder(name="mine", source="folder", path=str(folder), color_mode="rgb", test=0.2)


def package(*_: Any) -> Data:
    return Package(name="mine", source="scikit-learn", test=360)


@pytest.mark.parametrize("source", [idx_files, archive_of_arrays, picture_files, package])
def test_the_first_nine_are_those_before_images_are_held_out(
    config: DataConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: Callable[[Path, Any, Any], Data],
) -> None:
    (tmp_path / "mine").mkdir()
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    data = source(tmp_path / "mine", images, np.arange(40, dtype=np.uint8) % 4)
    changed = config.model_copy(update={"data": data, "validation": 0.5})
    drawn: list[Any] = []
    monkeypatch.setattr("digits.data.gallery.draw_gallery", lambda *arguments: drawn.append(arguments))
    monkeypatch.setattr(paths, "RAW", tmp_path / "out/data/raw")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    pipeline.fetch(changed, tmp_path / "out")
    pipeline.preprocess(changed, tmp_path / "out")
    (whole, labels), _, classes = sources.read(changed, paths.RAW)
    ((_, shown, names, *_),) = drawn
    np.testing.assert_array_equal(shown, whole[:9])
    assert names == [classes[label] for label in labels[:9]]
    kept = archive.load(changed, tmp_path / "out/data/prepared", "train")["train"]
    assert not np.array_equal(kept.images[:9], shown)
    shape = whole.shape[:3] if whole.shape[3] == 1 else whole.shape
    assert capsys.readouterr().out.startswith(f"training images {shape}, labels {labels.shape}\n")


@pytest.mark.usefixtures("where_raw_is")
def test_preprocess_without_validation_still_writes_a_split_for_it(
    config: DataConfig, tmp_path: Path
) -> None:
    everything = config.model_copy(update={"validation": 0.0})
    pipeline.preprocess(everything, tmp_path / "out")
    loaded = archive.load(everything, tmp_path / "out/data/prepared", "validation")
    assert len(loaded["validation"]) == 0


@pytest.mark.usefixtures("where_raw_is")
def test_preprocess_refuses_the_files_of_another_data_set(mirrored: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^data: asked for mnist, but .*raw was made with sample; prepare"):
        pipeline.preprocess(mirrored, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("where_raw_is")
def test_an_error_while_preprocess_writes_leaves_nothing(
    config: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("digits.base.files.write_csv", fail)
    with pytest.raises(OSError, match="disk full"):
        pipeline.preprocess(config, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
