"""Check the fetched images and split them into training, validation and test images.

python src/preprocess.py validation=0.2      into a new folder in outputs/
python src/preprocess.py split_seed=1 out=.  into data/prepared, as DVC does
dvc exp run --temp -S validation=0.2         as part of an experiment
"""

from digits import cli
from digits.config.data import DataConfig
from digits.config.request import Request


def main(request: Request[DataConfig]) -> None:
    from digits.data import pipeline

    pipeline.preprocess(request.config, request.out)


if __name__ == "__main__":
    cli.run(main, DataConfig, ("data", "split_seed", "validation", "out"))
