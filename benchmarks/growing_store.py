"""An MLflow store that is filled with fabricated runs, and measurements of it."""

from __future__ import annotations

import contextlib
import dataclasses
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

import mlflow
import numpy as np
import psutil

from copied_runs import copy_run
from digits.base import files
from digits.base.errors import UserError
from digits.base.paths import ROOT
from digits.config.request import Request, compose_request
from digits.config.schema import Config
from digits.data.splits import Split, Splits
from digits.learning.history import Epoch
from digits.reports import tables
from digits.reports.ranking import rank
from digits.tracking import pages, queries, runs, store
from digits.tracking.address import experiment_name, shown, tracking_uri
from digits.tracking.records import RECORDING, Record

EPOCHS = 10
RECORDED = 10  # runs, to time one
PAGE = 100  # runs on the first page of mlflow ui
COMPARE = ("python", "src/compare.py")
OVERRIDES = ("data=sample", "model=compact", "recipe=onecycle", f"epochs={EPOCHS}", "threads=1")
SPLIT = Split(np.zeros((10, 28, 28, 1), np.uint8), np.arange(10, dtype=np.uint8))
CLASSES = tuple("0123456789")
TO_TRAIN = Splits({"train": SPLIT, "validation": SPLIT}, "digest", CLASSES)
TO_TEST = Splits({"test": SPLIT}, "digest", CLASSES)
TAGS = {"threads": "1", "device": "CPU", "same_bits_on": "CPU, 1 to 3 threads"}


def create_experiment(folder: str) -> None:
    """Create the experiment in the store, which must not have it, with its artifacts in a folder."""
    mlflow.set_tracking_uri(tracking_uri())
    name = experiment_name()
    try:
        mlflow.create_experiment(name, (Path(folder) / "mlruns" / name).as_uri())
    except mlflow.MlflowException as error:
        raise UserError(f"store: {shown(tracking_uri())} has to be an empty one: {error}") from error


class GrowingStore:
    """The store that MLFLOW_TRACKING_URI names. It gets runs that it does not have yet: those from number
    `first` on."""

    def __init__(self, first: int = 0) -> None:
        self._experiment = store.use()
        self._request = compose_request(OVERRIDES, Config, Path())
        self._runs = first

    def fill(self, size: int) -> None:
        """Add runs until there are `size`: one that is recorded, and copies of it."""
        if self._runs < size:
            key = self.record()
            own = {number: _own(number) for number in range(self._runs, size)}
            texts = {
                number: {name: str(value) for name, value in each.items()} for number, each in own.items()
            }
            copy_run(store.search(f"tags.{RECORDING} = '{key}'")[0].run_id, texts)
            self._runs = size

    def record(self) -> str:
        """Record one run as training and evaluation do, but without figures, and nothing of the model
        except its md5. Return its key."""
        noise, request = random.Random(self._runs), self._next_request()
        self._runs += 1
        with tempfile.NamedTemporaryFile() as model:
            model.write(noise.randbytes(100))
            model.flush()
            request = request.with_options(model_file=model.name)
            with runs.training_run(request, TO_TRAIN, TAGS) as recorded:
                for epoch in range(1, EPOCHS + 1):
                    accuracy = 1 - 0.3 / epoch - 0.01 * noise.random()
                    recorded.log_epoch(
                        Epoch(epoch, accuracy, 1 - accuracy, accuracy, accuracy, 1 - accuracy, 0.1, 1.0)
                    )
                recorded.log_metrics({"train_seconds": 10.0})
                recorded.set_tags({"model_md5": files.md5(request.model_file)})
            with tempfile.TemporaryDirectory() as no_reports:
                runs.record_scores(request, TO_TEST, {"test_accuracy": accuracy}, Path(no_reports))
        return recorded.key

    def _next_request(self) -> Request[Config]:
        config = self._request.config.model_copy(update=_own(self._runs))
        return dataclasses.replace(self._request, config=config)

    def measure(self, server: str) -> dict[str, float]:
        """Return the median seconds of each action; `server` is the URL of a `mlflow ui` on the store."""
        before = self._runs
        taken = {"record a run": median_seconds(self.record, RECORDED)}
        assert len(read_finished()) == before + RECORDED
        taken[" ".join(COMPARE)] = median_seconds(compare, 3)
        taken["read and rank all runs"] = median_seconds(lambda: tables.to_rows(rank(read_finished())), 3)
        first_page = request_first_page(server, self._experiment)
        assert first_page() == min(PAGE, self._runs)  # not timed: the server's own start is not the store's
        return taken | {"first page": median_seconds(first_page, 5)}


def _own(number: int) -> dict[str, float]:
    """Return the parameters that tell a run from the others; five seeds of each learning rate."""
    return {"seed": number % 5, "learning_rate": round(0.001 * (1 + number // 5), 3)}


def read_finished() -> list[Record]:
    """Return all runs, as src/compare.py reads them."""
    return queries.read_runs("attributes.status = 'FINISHED'", ["val_accuracy", *tables.SCORES])


def compare() -> None:
    """Rank all runs as a person does."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *COMPARE[1:], "--picture", f"{folder}/curves.png"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


@contextlib.contextmanager
def start_server(artifacts: str) -> Iterator[tuple[str, psutil.Process]]:
    """Yield the URL of a `mlflow ui` on the store, while it runs, and its process. It keeps what clients
    upload in the folder `artifacts`."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = ["mlflow", "ui", "--workers", "1", "--backend-store-uri", tracking_uri(), "--port", str(port)]
    command += ["--artifacts-destination", artifacts]
    # the runners of background jobs take 20 seconds of processor time to start, while the page is timed
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    started = subprocess.Popen(
        [sys.executable, "-m", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # since the server starts processes that would outlive it
    )
    try:
        while started.poll() is None and not pages.answers(port):
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", psutil.Process(started.pid)
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait()


def request_first_page(url: str, experiment: str) -> Callable[[], int]:
    """Return a function that asks for the first runs of the page that digits.reports.ui names, and returns
    how many the answer has."""
    body = {
        "experiment_ids": [experiment],
        "filter": "params.model != ''",
        "order_by": ["metrics.`val_accuracy` DESC"],
        "max_results": PAGE,
    }
    request = urllib.request.Request(
        f"{url}/ajax-api/2.0/mlflow/runs/search",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )

    def ask() -> int:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return len(json.load(answer)["runs"])

    return ask


def median_seconds(action: Callable[[], object], times: int) -> float:
    """Return the median of as many `times`."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
