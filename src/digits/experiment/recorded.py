"""Training and evaluation, recorded in MLflow. This module imports TensorFlow and MLflow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from digits.base import files
from digits.base.interrupts import raise_if_interrupted
from digits.config.request import Request
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.experiment import figures
from digits.learning import evaluation, model_file, runtime, training
from digits.learning.history import Epoch
from digits.tracking import runs, writer

if TYPE_CHECKING:
    import keras


def train(request: Request[Config], splits: Splits) -> list[Epoch]:
    """Train as a new run, and write the model and its reports to `request.out`."""
    with (
        runs.training_run(request, splits, computed_with(request)) as run_id,
        files.staged(request.out) as stage,
    ):
        model, history = fit(run_id, request, splits)
        rows = [{"epoch": epoch.epoch} | epoch.metrics() for epoch in history]
        for row in rows:
            del row["seconds"]  # which no two runs have in common, so that DVC would see a change
        reports = stage / "reports"
        files.write_csv(reports / "history.csv", rows)
        last = {name: value for name, value in rows[-1].items() if name not in ("epoch", "learning_rate")}
        files.write_json(reports / "training.json", last)
        figures.draw_learning_curves(runs.run_name(request), history, reports / "learning_curves.png")
        writer.log_files(run_id, reports)
        model_file.save(model, stage / "models/model.keras")
        writer.log_model(run_id, model, stage / "models/model.keras", splits)
    return history


def computed_with(request: Request[Config]) -> dict[str, str]:
    """Return tags that say what the training is computed with."""
    threads = request.resources.threads
    return {
        "threads": str(threads),
        "device": runtime.device(),
        "same_bits_on": runtime.numerics(threads),
    }


def fit(
    run_id: str,
    request: Request[Config],
    splits: Splits,
    on_epoch: Callable[[Epoch], object] = lambda _: None,
) -> tuple[keras.Model, list[Epoch]]:
    """Train, and record each epoch in the run before `on_epoch` is called with it. At the end record the
    seconds that all of this took."""

    def record(epoch: Epoch) -> None:
        writer.log_epoch(run_id, epoch)
        raise_if_interrupted()
        on_epoch(epoch)

    start = time.perf_counter()
    trained = training.train(request.config, splits["train"], splits["validation"], record)
    writer.log_metrics(run_id, {"train_seconds": time.perf_counter() - start})
    return trained


def evaluate(request: Request[Config], splits: Splits) -> None:
    """Score the model, write reports to `request.out`, record them, and print the accuracy."""
    test, data = splits["test"], request.config.data.name
    report = evaluation.evaluate(model_file.load(request.model_file), test)
    with files.staged(request.out) as stage:
        reports = stage / "reports"
        scores = {
            "test_accuracy": report.accuracy,
            "test_loss": report.loss,
            "test_error_percent": report.error_percent,
        }
        files.write_json(reports / "metrics.json", scores)
        files.write_csv(reports / "per_class.csv", evaluation.class_scores(test, report))
        pairs = zip(test.labels, report.predicted, strict=True)
        files.write_csv(reports / "predictions.csv", ({"actual": a, "predicted": p} for a, p in pairs))
        title = f"{data}: {report.mistakes:,} of {len(test):,} test images wrong"
        figures.draw_confusion(title, report.confusion, reports / "confusion.png")
        figures.draw_mistakes(title, test, report.probabilities, reports / "mistakes.png")
        runs.record_scores(request, splits, scores, reports)
    print(
        f"test accuracy {report.accuracy:.2%} (standard error {report.standard_error:.2%} on "
        f"{len(test):,} {data} images), loss {report.loss:.4f}"
    )
