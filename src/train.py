"""Train a network on the prepared images: python src/train.py model=tutorial recipe=tutorial"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import entry_point
from digits import data, figures, files, runtime
from digits.config import Config
from entry_point import ROOT

if TYPE_CHECKING:
    import keras

    from digits import training


def main(config: Config, out: Path) -> list[training.Epoch]:
    settings = data.Settings(config.data.name, config.validation, config.split_seed)
    prepared = data.load(ROOT / "data/prepared", settings)

    from digits import tracking, training  # not before a wrong key or file has been refused

    runtime.start(config.threads)

    splits = {"train": prepared.train, "validation": prepared.validation}
    with tracking.training_run(config, splits), files.staged(out) as stage:
        model, history = fit(config, prepared)
        # without the seconds, which no two runs have in common
        rows = [dataclasses.asdict(epoch) for epoch in history]
        rows = [{k: v for k, v in row.items() if k != "seconds" and v is not None} for row in rows]
        reports = stage / "reports"
        files.write_csv(reports / "history.csv", rows)
        files.write_json(
            reports / "training.json", {k: v for k, v in rows[-1].items() if "accuracy" in k or "loss" in k}
        )
        figures.learning_curves(tracking.run_name(config), history, reports / "learning_curves.png")
        tracking.log_files(reports)
        model_file = stage / "models/model.keras"
        training.save(model, model_file)
        tracking.log_model(model, model_file, prepared.train)
    return history


def fit(
    config: Config, prepared: data.Prepared, on_epoch: Callable[[training.Epoch], None] | None = None
) -> tuple[keras.Model, list[training.Epoch]]:
    """The trained network and its history; the run that is open has each epoch before `on_epoch` hears
    of it, and at the end the seconds that all this took, its own recording among it."""
    from digits import tracking, training

    def log(epoch: training.Epoch) -> None:
        tracking.log_epoch(epoch)
        entry_point.stop_if_interrupted()
        if on_epoch:
            on_epoch(epoch)

    start = time.perf_counter()
    trained = training.train(
        config.model,
        config.recipe,
        prepared.train,
        prepared.validation,
        seed=config.seed,
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        on_epoch=log,
    )
    tracking.log_metrics({"train_seconds": time.perf_counter() - start})
    return trained


if __name__ == "__main__":
    entry_point.run(main)
