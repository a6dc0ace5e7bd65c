"""Compare a sweep's trials in turn with two at a time: python benchmarks/launchers.py

Both train eight seeds on the data that `dvc repro preprocess` prepared: Hydra's basic launcher with two
threads, then joblib with two workers of one thread each. Prints trials per hour and their ratio. The
models must be the same, to the bit. Words of the command line go to both:
python benchmarks/launchers.py model=small epochs=5
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import entry_point  # noqa: E402

entry_point.quiet()

from digits import store  # noqa: E402

SEEDS = range(8)
JOBLIB = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]


def sweep(*words: str) -> tuple[float, dict[str, str]]:
    """Trials per hour, start included, and the md5 of the weights that each seed came to."""
    seeds = f"seed={','.join(map(str, SEEDS))}"
    start = time.perf_counter()
    subprocess.run([sys.executable, str(ROOT / "src/experiment.py"), "-m", seeds, *words], check=True)
    seconds = time.perf_counter() - start
    trials = store.search(limit=len(SEEDS))
    assert len({trial.tags["sweep"] for trial in trials}) == 1
    return 3600 * len(SEEDS) / seconds, {t.parameters["seed"]: t.tags["model_md5"] for t in trials}


def main(words: list[str]) -> None:
    basic, reference = sweep(*words, "threads=2")
    joblib, models = sweep(*words, *JOBLIB, "threads=1")
    print(
        "| launcher | trials per hour | ratio |\n|---|---|---|\n"
        f"| basic, 2 threads | {basic:.0f} | 1.00 |\n"
        f"| joblib, 2 workers of 1 thread | {joblib:.0f} | {joblib / basic:.2f} |\n"
    )
    if models != reference:
        sys.exit(f"error: joblib's models differ from those trained in turn: {models} and {reference}")
    print("joblib's models are those trained in turn, to the bit")


if __name__ == "__main__":
    main(sys.argv[1:])
