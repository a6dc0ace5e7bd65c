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
    """Check and split the images in data/raw, write them to `out`/data/prepared, and print their shapes
    before and after that."""
    found = splits.read(config, paths.RAW)
    prepared = splits.hold_out(found, config)
    with staged(out) as stage:
        archive.save(prepared, config, stage / "data/prepared")
        reports = stage / "reports"
        gallery.draw_first_nine(
            f"{config.data.name}: the first training images", found, reports / "first_nine.png"
        )
        counts = {name: split.class_counts(len(prepared.classes)) for name, split in prepared.items()}
        files.write_csv(
            reports / "class_counts.csv",
            [
                {"class": of_class} | {name: n[label] for name, n in counts.items()}
                for label, of_class in enumerate(prepared.classes)
            ],
        )
    print(splits.describe_pictures(found))
    print(splits.describe_splits(prepared))
    print(splits.describe_classes(counts["train"]))
    if prepared.leaked:
        print(
            f"leakage: {prepared.leaked:,} of {len(prepared['test']):,} test images are also training or "
            "validation images"
        )
