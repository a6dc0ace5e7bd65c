"""Train the tutorial's preset and the default in turn and compare them: python benchmarks/presets.py

For each of five seeds both are trained on the data that `dvc repro preprocess` prepared, one after the
other, so that a machine which grows slow or fast does so for both. Prints a table in Markdown. The
runs are in MLflow like any others.
"""

import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from digits import store  # noqa: E402

SEEDS = range(5)
PRESETS = {
    "tutorial": ["model=tutorial", "recipe=tutorial"],
    "default": ["model=compact", "recipe=onecycle"],
}


def main() -> None:
    runs: defaultdict[str, list[store.Record]] = defaultdict(list)
    for seed in SEEDS:
        for preset, keys in PRESETS.items():
            command = [sys.executable, str(ROOT / "src/experiment.py"), *keys, f"seed={seed}"]
            subprocess.run(command, check=True)
            runs[preset] += store.search(limit=1)  # the newest
    print(
        f"\n{len(SEEDS)} seeds, {platform.machine()}, TensorFlow {version('tensorflow')}\n\n"
        "| preset | parameters | epochs | test accuracy, % | training time |\n|---|---|---|---|---|"
    )
    base = [run.metrics["train_seconds"] for run in runs["tutorial"]]
    for preset, of_preset in runs.items():
        scores = [100 * run.metrics["test_accuracy"] for run in of_preset]
        ratios = [run.metrics["train_seconds"] / b for run, b in zip(of_preset, base, strict=True)]
        settings = of_preset[0].parameters
        print(
            f"| {preset} | {int(settings['parameters']):,} | {settings['epochs']} "
            f"| {statistics.mean(scores):.2f} ± {statistics.stdev(scores):.2f} "
            f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
        )


if __name__ == "__main__":
    main()
