"""Say what came of an experiment: its newest MLflow run, the test accuracy, and where to look at it.

python src/summary.py
python src/summary.py data=sample
python src/summary.py model=tutorial recipe=tutorial seed=1
"""

from digits import cli
from digits.config.params import EXPERIMENT
from digits.config.request import Request
from digits.config.schema import Config


def main(request: Request[Config]) -> None:
    from digits.experiment.summary import summarize

    summarize(request.config)


if __name__ == "__main__":
    cli.run_composed(main, Config, EXPERIMENT)
