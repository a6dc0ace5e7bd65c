"""Fill a store with runs of 10 epochs and time what grows: python benchmarks/scale.py 1000 10000

The store is a new one in a temporary folder and the runs are fabricated, but they are recorded by
digits.tracking like any others. At each number of runs: the seconds to record one more run, to read and
rank all of them, and to answer what the first page of `mlflow ui` asks. Prints a table in Markdown.
"""

import contextlib
import itertools
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import yaml
from rich.progress import track

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import entry_point  # noqa: E402
import ui  # noqa: E402

entry_point.quiet()

from digits import comparison, files, store, tracking  # noqa: E402
from digits.config import Config, parse  # noqa: E402
from digits.data import Split  # noqa: E402
from digits.training import Epoch  # noqa: E402

EPOCHS = 10
SPLIT = Split(np.zeros((10, 28, 28, 1), np.uint8), np.arange(10, dtype=np.uint8))


def configuration(n: int) -> Config:
    """The n-th; five seeds of each learning rate."""
    presets: dict[str, str | None] = {"data": "sample", "model": "compact", "recipe": "onecycle"}
    sections = {
        group: yaml.safe_load((ROOT / "conf" / group / f"{name}.yaml").read_text())
        for group, name in presets.items()
    }
    card = {"split_seed": 0, "validation": 0.1, "epochs": EPOCHS, "batch_size": 100, "threads": 1}
    own = {"seed": n % 5, "learning_rate": round(0.001 * (1 + n // 5), 3)}
    return parse(sections | card | own | {"model_file": "models/model.keras", "resume": False}, presets)


def record(n: int) -> None:
    """One run as train and evaluate record it, without figures and with nothing of the model but its md5."""
    noise = random.Random(n)
    config = configuration(n)
    with tempfile.NamedTemporaryFile() as model:
        model.write(noise.randbytes(100))
        model.flush()
        with tracking.training_run(config, {"train": SPLIT, "validation": SPLIT}):
            for epoch in range(1, EPOCHS + 1):
                accuracy = 1 - 0.3 / epoch - 0.01 * noise.random()
                tracking.log_epoch(Epoch(epoch, accuracy, 1 - accuracy, accuracy, 1 - accuracy, 0.1, 1.0))
            tracking.log_metrics({"train_seconds": 10.0})
            mlflow.set_tag("model_md5", files.md5(Path(model.name)))
        with tracking.evaluation_run(config, Path(model.name), SPLIT):
            tracking.log_metrics({"test_accuracy": accuracy})


def fill(start: int, stop: int) -> None:
    # by one process, since SQLite makes several wait for one another longer than they save
    for n in track(range(start, stop), f"up to {stop:,} runs"):
        record(n)


def rank() -> None:
    comparison.table(comparison.fold(store.search()))


@contextlib.contextmanager
def server(store: str) -> Iterator[str]:
    """The URL of a `mlflow ui` on the store, while it runs."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = ["mlflow", "ui", "--workers", "1", "--backend-store-uri", store, "--port", str(port)]
    quietly: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # a session of its own, since the server starts processes that would outlive it
    started = subprocess.Popen([sys.executable, "-m", *command], start_new_session=True, **quietly)
    try:
        while started.poll() is None and not ui.answers(port):
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait()


def first_page(url: str, experiment: str) -> None:
    """What the page that `make ui` names asks for its first hundred runs."""
    body = {
        "experiment_ids": [experiment],
        "filter": "params.model != ''",
        "order_by": ["metrics.`val_accuracy` DESC"],
        "max_results": 100,
    }
    request = urllib.request.Request(
        f"{url}/ajax-api/2.0/mlflow/runs/search",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        assert len(json.load(answer)["runs"]) == 100


def seconds(action: Callable[[], object], times: int) -> float:
    """The median of so many."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def measure(runs: int) -> dict[str, float]:
    numbers = itertools.count(runs)
    once_more = {"record a run": seconds(lambda: record(next(numbers)), 10)}
    reading = {"read and rank all runs": seconds(rank, 3)}
    with server(store.uri()) as url:
        experiment = store.use()
        first_page(url, experiment)  # the server's own start is not the store's
        return once_more | reading | {"first page": seconds(lambda: first_page(url, experiment), 5)}


def main(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db?timeout=60"
        os.environ["MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"] = "false"
        store.use()
        measured = []
        filled = 0
        for size in sorted(sizes):
            fill(filled, size)
            measured.append(measure(size))
            filled = size + 10  # with those that were recorded to time it
    print(
        "| seconds to | " + " | ".join(f"{size:,} runs" for size in sorted(sizes)) + " | ratio |\n"
        "|---|" + "---|" * (len(sizes) + 1)
    )
    for name in measured[0]:
        values = [each[name] for each in measured]
        cells = [f"{value:.3f}" for value in values] + [f"{values[-1] / values[0]:.1f}"]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 10_000])
