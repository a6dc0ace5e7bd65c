"""Search for better hyperparameters. The same command again continues the study, and in several terminals at
once they share it.

    python src/tune.py
    python src/tune.py search=compact search.trials=40 epochs=8
    python src/tune.py 'search.space.learning_rate={low: 0.1, high: 0.4}' study=narrow
"""

import sys

from digits import cli
from digits.base.errors import UserError
from digits.config.request import Request
from digits.config.schema import Config
from digits.search.tuning import tune


def main(request: Request[Config]) -> float:
    return tune(request)


if __name__ == "__main__":
    with cli.one_line_errors():
        if {"-m", "--multirun"} & set(sys.argv):
            raise UserError("-m: a search makes its own trials; to share one, start the same command twice")
    cli.run(main, Config, primary="tune")
