"""Training and evaluation, recorded in MLflow. This module imports TensorFlow and MLflow."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from digits.base import files
from digits.base.interrupts import raise_if_interrupted
from digits.base.staging import staged
from digits.config.request import Request
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.experiment import figures
from digits.experiment.interrupted import Progress, resumable
from digits.experiment.summary import is_part_of_more, summarize_recorded
from digits.learning import evaluation, model_file, runtime, training
from digits.learning.checkpoint import Arrays
from digits.learning.history import Epoch
from digits.tracking import description, runs, store
from digits.tracking.recording import Recording

if TYPE_CHECKING:
    import keras


def train(request: Request[Config], splits: Splits) -> list[Epoch]:
    """Train as a run, and write the model and its reports to `request.out`. A training that was killed goes
    on in the run that it had."""
    with resumable(request, splits) as progress:
        history, recording = _train(request, splits, progress)
    if _is_brief(request):
        print(history[-1].line(request.config.epochs))
    summarize_recorded(request, recording)
    return history


def train_and_evaluate(request: Request[Config], splits: Splits, test: Splits) -> list[Epoch]:
    """Train, and score the model in the same run. If this is killed after the training, only the scores are
    left to do."""
    with resumable(request, splits) as progress:
        history, recording = _train(request, splits, progress)
        model = str(request.out / "models/model.keras")
        report = evaluate(request.with_options(model_file=model, offline=True), test)
    if request.options.parent_run is not None:
        print(
            f"{runs.run_name(request)}: val_accuracy {history[-1].val_accuracy or 0:.4f}, "
            f"test_accuracy {report.accuracy:.4f}"
        )
    summarize_recorded(request, recording)
    return history


def _train(request: Request[Config], splits: Splits, progress: Progress) -> tuple[list[Epoch], Recording]:
    with run_of(request, splits, progress) as recording, staged(request.out) as stage:
        model, history = fit(recording, request, splits, progress)
        rows = [{"epoch": epoch.epoch} | epoch.metrics() for epoch in history]
        for row in rows:
            del row["seconds"]  # which no two runs have in common, so that DVC would see a change
        reports = stage / "reports"
        files.write_csv(reports / "history.csv", rows)
        last = {name: value for name, value in rows[-1].items() if name not in ("epoch", "learning_rate")}
        files.write_json(reports / "training.json", last)
        figures.draw_learning_curves(runs.run_name(request), history, reports / "learning_curves.png")
        recording.log_files(reports)
        model_file.save(model, splits.classes, request.config.data, stage / "models/model.keras")
        recording.log_model(model, stage / "models/model.keras", splits)
        if len(splits["validation"]):
            predicted = evaluation.evaluate(model, splits["validation"]).predicted
            answers = evaluation.answers(splits["validation"], predicted, splits.classes)
            recording.log_texts({store.VALIDATION_ANSWERS: files.to_csv(answers)})
    return history, recording


def run_of(
    request: Request[Config], splits: Splits, progress: Progress
) -> contextlib.AbstractContextManager[Recording]:
    """Start the run of a training, or continue the one that it had when it was killed."""
    interrupted = progress.start.recording if progress.start else None
    return runs.training_run(request, splits, computed_with(request), interrupted)


def computed_with(request: Request[Config]) -> dict[str, str]:
    """Return tags that say what the training is computed with."""
    threads = request.resources.threads
    return {
        "threads": str(threads),
        "device": runtime.device(),
        "same_bits_on": runtime.numerics(threads),
    }


def fit(
    recording: Recording,
    request: Request[Config],
    splits: Splits,
    progress: Progress,
    on_epoch: Callable[[Epoch], object] = lambda _: None,
) -> tuple[keras.Model, list[Epoch]]:
    """Train, keep the progress, and record each epoch before `on_epoch` is called with it. At the end record
    how many seconds all of this took, and complete the description."""

    def keep(arrays: Arrays, history: Sequence[Epoch]) -> None:
        progress.keep(recording.key, arrays, history)

    def record(epoch: Epoch) -> None:
        recording.log_epoch(epoch, again=progress.start is not None)
        raise_if_interrupted()
        on_epoch(epoch)

    if progress.start:
        done = len(progress.start.history)
        print(f"goes on after epoch {done} of {request.config.epochs}, where it was interrupted")
        for epoch in progress.start.history:
            record(epoch)
    # the bars of several workers would overwrite each other
    lines, bar = not _is_brief(request), request.resources.workers == 1
    trained = training.train(request.config, splits, record, progress.start, keep, lines, bar)
    last, seconds = trained[1][-1], round(progress.seconds, 3)
    recording.log_metrics({"train_seconds": seconds})
    recording.describe(description.of_result(last.epoch, last.val_accuracy, seconds))
    return trained


def _is_brief(request: Request[Config]) -> bool:
    """Return whether a person sees what is printed among that of other trials, or of other stages."""
    return sys.stdout.isatty() and is_part_of_more(request)


def evaluate(request: Request[Config], splits: Splits) -> evaluation.Report:
    """Score the model, write reports to `request.out`, record them, and print the accuracy. Return how it
    did."""
    test, names, data = splits["test"], splits.classes, request.config.data.name
    opened = runs.check_store(request)
    report = evaluation.evaluate(model_file.load(request.model_file, splits.shape, splits.classes), test)
    with staged(request.out) as stage:
        reports = stage / "reports"
        scores = {
            "test_accuracy": report.accuracy,
            "test_balanced_accuracy": report.balanced_accuracy,
            "test_loss": report.loss,
            "test_error_percent": report.error_percent,
        }
        files.write_json(reports / "metrics.json", scores)
        cells = evaluation.confusion_cells(report.confusion, names)
        files.write_csv(reports / "confusion.csv", cells)
        files.write_csv(reports / "per_class.csv", evaluation.class_scores(test, report, names))
        answers = evaluation.answers(test, report.predicted, names)
        files.write_csv(reports / "predictions.csv", answers)
        title = f"{data}: {report.mistakes:,} of {len(test):,} test images wrong"
        figures.draw_confusion(title, report.confusion, names, reports / "confusion.png")
        figures.draw_mistakes(title, test, report.probabilities, names, reports / "mistakes.png")
        runs.record_scores(request, splits, scores, reports, opened)
    if request.options.parent_run is None or not _is_brief(request):
        print(
            f"test accuracy {report.accuracy:.2%} (standard error {report.standard_error:.2%} on "
            f"{len(test):,} {data} images), balanced {report.balanced_accuracy:.2%}, loss {report.loss:.4f}"
        )
    if splits.leaked:
        print(f"leakage: {splits.leaked:,} of these images were seen in training or validation")
    return report
