"""Score a trained model on the test set: python src/evaluate.py model_file=models/model.keras"""

from pathlib import Path

import entry_point
from digits import data, figures, files, runtime
from digits.config import Config
from entry_point import ROOT


def main(config: Config, out: Path) -> None:
    settings = data.Settings(config.data.name, config.validation, config.split_seed)
    test = data.load(ROOT / "data/prepared", settings).test

    from digits import evaluation, tracking  # not before a wrong key or file has been refused

    runtime.start(config.threads)

    model_file = ROOT / config.model_file
    report = evaluation.evaluate(model_file, test)
    with tracking.evaluation_run(config, model_file, test), files.staged(out) as stage:
        reports = stage / "reports"
        scores = {
            "test_accuracy": report.accuracy,
            "test_loss": report.loss,
            "test_error": report.error,
        }
        files.write_json(reports / "metrics.json", scores)
        files.write_csv(reports / "per_class.csv", evaluation.per_class(test, report))
        pairs = zip(test.labels, report.predicted, strict=True)
        files.write_csv(reports / "predictions.csv", ({"actual": a, "predicted": p} for a, p in pairs))
        title = f"{config.data.name}: {report.mistakes:,} of {len(test):,} test images wrong"
        figures.confusion(title, report.confusion, reports / "confusion.png")
        figures.mistakes(title, test, report.probabilities, reports / "mistakes.png")
        tracking.log_metrics(scores)
        tracking.log_files(reports)
    print(
        f"test accuracy {report.accuracy:.2%} (standard error {report.standard_error:.2%} on "
        f"{len(test):,} {config.data.name} images), loss {report.loss:.4f}"
    )


if __name__ == "__main__":
    entry_point.run(main)
