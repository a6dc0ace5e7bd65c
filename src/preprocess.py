"""Check and split the images that were fetched: python src/preprocess.py validation=0.1"""

from pathlib import Path

import entry_point
from digits import data, figures, files
from digits.config import Config
from entry_point import ROOT


def main(config: Config, out: Path) -> None:
    prepared = data.prepare(ROOT / "data/raw", config.validation, config.split_seed)
    shapes = data.in_words(prepared)
    counts = {name: split.counts() for name, split in prepared.splits.items()}
    with files.staged(out) as stage:
        data.save(prepared, stage / "data/prepared")
        reports = stage / "reports"
        (stage / "data/prepared/shapes.txt").write_text(shapes)
        figures.first_nine(
            f"{prepared.settings.data}: the first training images", prepared.train, reports / "first_nine.png"
        )
        files.write_csv(
            reports / "class_counts.csv",
            [{"digit": digit} | {name: n[digit] for name, n in counts.items()} for digit in range(10)],
        )
    print(shapes, end="")


if __name__ == "__main__":
    entry_point.run(main)
