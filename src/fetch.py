"""Fetch the images of a data set, and check them.

python src/fetch.py data=mnist              into a new folder in outputs/
python src/fetch.py data=sample out=.       into data/raw, as DVC does
DIGITS_MIRROR=/media/mnist dvc repro fetch  from a folder or URL that has a copy
"""

from digits import cli
from digits.config.data import DataConfig
from digits.config.request import Request


def main(request: Request[DataConfig]) -> None:
    from digits.data import pipeline

    pipeline.fetch(request.config, request.out)


if __name__ == "__main__":
    cli.run(main, DataConfig, ("data", "out"))
