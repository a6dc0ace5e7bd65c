"""Compare the result of `dvc repro` with the committed one, and with what MLflow recorded of it.

Another processor rounds differently, so that training ends at other weights: the accuracies may differ
by what two trainings with different seeds do.
"""

import json
import subprocess
import sys
from pathlib import Path

import mlflow

ROOT = Path(__file__).resolve().parents[1]
TOLERANCE = 0.003  # 3 standard errors of a difference on 10,000 images at 99.5 %


def main() -> None:
    found = json.loads((ROOT / "reports/metrics.json").read_text())["test_accuracy"]
    show = ["git", "-C", ROOT, "show", "HEAD:reports/metrics.json"]
    committed = json.loads(subprocess.run(show, capture_output=True, check=True).stdout)["test_accuracy"]
    mlflow.set_tracking_uri(f"sqlite:///{ROOT / 'mlflow.db'}")
    newest = mlflow.search_runs(
        experiment_names=["digits"],
        filter_string="params.data = 'mnist'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
        output_format="list",
    )
    recorded = newest[0].data.metrics["test_accuracy"]
    print(f"test accuracy: {found} found, {committed} committed, {recorded} in MLflow")
    if recorded != found or abs(found - committed) > TOLERANCE:
        sys.exit("error: these differ")


if __name__ == "__main__":
    main()
