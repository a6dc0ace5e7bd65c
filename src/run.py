"""Run the pipeline as an experiment of DVC, in a copy of the project, and say what came of it.

python src/run.py data=sample
python src/run.py model=tutorial recipe=tutorial seed=1
python src/run.py epochs=3 model.dropout=0.5
"""

from digits import cli
from digits.config.params import EXPERIMENT
from digits.config.request import Request
from digits.config.schema import Config


def main(request: Request[Config]) -> None:
    from digits.experiment.summary import summarize
    from digits.reports.pipeline import run_in_copy

    run_in_copy(request.composed.overrides)
    summarize(request.config)


if __name__ == "__main__":
    cli.run_composed(main, Config, EXPERIMENT)
