"""The stages fetch and preprocess."""

from __future__ import annotations

from pathlib import Path

from digits.base import files, paths
from digits.base.staging import staged
from digits.config.data import DataConfig
from digits.data import archive, gallery, sources, splits


def fetch(config: DataConfig, out: Path) -> None:
    """Write the images of `config.data` to `out`/data/raw."""
    with staged(out) as stage:
        sources.fetch(config.data, stage / "data/raw")


def preprocess(config: DataConfig, out: Path) -> None:
    """Check and split the images in data/raw, write them to `out`/data/prepared, and print their shapes."""
    prepared = splits.prepare(config, paths.RAW)
    with staged(out) as stage:
        archive.save(prepared, config, stage / "data/prepared")
        reports = stage / "reports"
        gallery.draw_first_nine(
            f"{config.data.name}: the first training images", prepared["train"], reports / "first_nine.png"
        )
        counts = {name: split.class_counts() for name, split in prepared.items()}
        files.write_csv(
            reports / "class_counts.csv",
            [{"digit": digit} | {name: n[digit] for name, n in counts.items()} for digit in range(10)],
        )
    for name, split in prepared.items():
        print(f"{name:<11}images {split.images.shape} {split.images.dtype}, labels {split.labels.shape}")
