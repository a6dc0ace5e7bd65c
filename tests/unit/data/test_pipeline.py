"""The stages fetch and preprocess."""

import csv
import gzip
import hashlib
from pathlib import Path

import pytest

from digits.base import paths
from digits.base.errors import UserError
from digits.config.data import DataConfig, Idx
from digits.data import archive, idx, pipeline


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
        "train      images (400, 28, 28, 1) uint8, labels (400,)",
        "validation images (100, 28, 28, 1) uint8, labels (100,)",
        "test       images (100, 28, 28, 1) uint8, labels (100,)",
        "10 classes with 40 training images each",
    ]


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
