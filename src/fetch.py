"""Fetch the images: python src/fetch.py data=mnist"""

from pathlib import Path

import entry_point
from digits import files, sources
from digits.config import Config


def main(config: Config, out: Path) -> None:
    with files.staged(out) as stage:
        sources.fetch(config.data, stage / "data/raw")


if __name__ == "__main__":
    entry_point.run(main)
