"""Train a network on the prepared images, and record it as an MLflow run.

python src/train.py epochs=3
python src/train.py model=tutorial recipe=tutorial seed=1
python src/train.py optimizer=adam schedule=cosine model.dropout=0.5
"""

from digits import cli
from digits.config.params import EXPERIMENT
from digits.config.request import Request
from digits.config.schema import Config
from digits.experiment import run


def main(request: Request[Config]) -> None:
    run.train(request)


if __name__ == "__main__":
    cli.run(main, Config, (*EXPERIMENT, "threads", "out", "run_name", "resume", "offline"), check=run.check)
