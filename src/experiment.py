"""Train and evaluate in one process, as one MLflow run; with -m as a sweep.

python src/experiment.py model=tutorial recipe=tutorial
python src/experiment.py -m model=tutorial,compact seed=0,1,2
python src/experiment.py -m sweep=presets hydra/launcher=joblib hydra.launcher.n_jobs=2
"""

from digits import cli
from digits.config.params import EXPERIMENT
from digits.config.request import Request
from digits.config.schema import Config
from digits.experiment import run
from digits.search.sweep import sweep


def main(request: Request[Config]) -> float | None:
    return run.train_and_evaluate(request)


if __name__ == "__main__":
    keys = (*EXPERIMENT, "threads", "sweep", "out", "run_name", "resume", "offline")
    cli.run(main, Config, keys, check=run.check, sweep=sweep)
