"""Train and evaluate in one process, one run: python src/experiment.py -m model=tutorial,compact seed=0,1"""

from pathlib import Path

import entry_point
import evaluate
import train
from digits.config import Config


def main(config: Config, out: Path) -> float | None:
    """The validation accuracy, for sweepers: nothing is chosen by the test set."""
    history = train.main(config, out)
    evaluate.main(config.model_copy(update={"model_file": out / "models/model.keras"}), out)
    return history[-1].val_accuracy


if __name__ == "__main__":
    entry_point.run(main)
