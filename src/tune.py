"""Search for better hyperparameters. The same command again continues the study, and in several terminals at
once they share it. On several machines they share one in a PostgreSQL database.

    python src/tune.py
    python src/tune.py search=compact search.trials=40 epochs=8
    python src/tune.py 'search.space.learning_rate={low: 0.1, high: 0.4}' study=narrow
    python src/tune.py study_store=postgresql://digits@db.example.org/digits
"""

import sys

from digits import cli
from digits.base.errors import UserError
from digits.config.params import EXPERIMENT
from digits.config.request import Request
from digits.config.schema import Config
from digits.search.search import read_search
from digits.search.study_store import refuse_shown_password
from digits.search.tuning import tune


def main(request: Request[Config]) -> float:
    return tune(request)


if __name__ == "__main__":
    with cli.one_line_errors():
        if {"-m", "--multirun"} & set(sys.argv):
            raise UserError("-m: a search makes its own trials; to share one, start the same command twice")
        refuse_shown_password(sys.argv[1:])
    keys = (*EXPERIMENT, "threads", "search", "study", "study_store", "out", "resume")
    cli.run(main, Config, keys, primary="tune", check=read_search)
