"""Score a trained model on the test images, and record the scores in the run that trained it.

python src/evaluate.py
python src/evaluate.py model_file=outputs/2026-01-31/12-00-00.000000/models/model.keras
dvc repro evaluate
"""

from digits import cli
from digits.config.request import Request
from digits.config.schema import Config
from digits.experiment import run


def main(request: Request[Config]) -> None:
    run.evaluate(request)


if __name__ == "__main__":
    keys = ("data", "split_seed", "validation", "threads", "model_file", "out", "offline")
    cli.run(main, Config, keys, check=run.check_model)
