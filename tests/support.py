"""Helpers that tests of several packages call."""

from __future__ import annotations

import dataclasses
import errno
import functools
import logging
import os
import runpy
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest

from digits.base import paths
from digits.config.compose import Composed, compose_values
from digits.config.request import Request, to_request
from digits.config.schema import Config
from digits.data.splits import Split, Splits
from digits.tracking import store
from digits.tracking.delivery import Delivery
from digits.tracking.opening import open_store
from digits.tracking.outbox import Outbox
from digits.tracking.records import Record

ROOT = paths.ROOT
DIGEST = "0123456789abcdef0123456789abcdef"
SHAPE = (28, 28, 1)  # of the images that `make_split` makes
CLASSES = tuple("0123456789")
MakeSplit = Callable[[int], Split]
Share = Callable[[str, Callable[[Path], None]], Path]  # see the fixture of this name
COMPLETE = "complete"  # the file that marks what tests share
SMALL = (
    *("data=sample", "model=compact", "model.filters=[4,8]", "recipe=onecycle"),
    *("epochs=2", "batch_size=20", "seed=0", "split_seed=0", "validation=0.1", "threads=2"),
)


def make_splits(**by_name: Split) -> Splits:
    """Return splits of a data set with the digest DIGEST."""
    return Splits(by_name, DIGEST, CLASSES)


def make_request(*overrides: str, out: Path = Path(), primary: str = "config") -> Request[Config]:
    """Return a request for a small network on data=sample, whatever params.yaml says, changed by Hydra
    `overrides`."""
    return to_request(_compose(overrides, primary), Config, out)


@functools.cache  # many tests ask for the same
def _compose(overrides: tuple[str, ...], primary: str) -> Composed:
    return compose_values([*SMALL, *overrides], primary, presets_only=True)


def make_search_request(*overrides: str, out: Path = Path(), **changes: Any) -> Request[Config]:
    """Return a request for src/tune.py. `changes` replace keys of conf/search/compact.yaml."""
    request = make_request(*overrides, out=out, primary="tune")
    values = request.composed.values | {"search": request.composed.values["search"] | changes}
    return dataclasses.replace(request, composed=dataclasses.replace(request.composed, values=values))


def make_record(run_id: str = "run", metrics: dict[str, float] | None = None, **parameters: object) -> Record:
    """Return a finished run with these metrics, by default a validation accuracy of 0.9."""
    recorded = {key: str(value) for key, value in parameters.items()}
    return Record(run_id, "name", "FINISHED", recorded, metrics or {"val_accuracy": 0.9}, {})


def call_command(command: Callable[[], object], *words: str) -> str | int | None:
    """Call a command with a command line in this process. Return what it exits with: an error is a line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["command", *words])
        patch.setattr("digits.cli.WANTS_TRACEBACK", False)
        # Hydra replaces and closes log handlers, and TensorFlow's then closes the file of pytest's capture
        patch.setattr("logging.shutdown", lambda _: None)
        patch.setattr(logging.getLogger(), "handlers", [*logging.getLogger().handlers])
        patch.setattr(logging.getLogger(), "level", logging.getLogger().level)
        patch.setenv("HYDRA_FULL_ERROR", "1")  # which a command sets, once in a process
        try:
            command()
        except SystemExit as end:
            return end.code
    return None


def run_script(name: str, *words: str) -> str | int | None:
    """Run a script of src/ in this process, as `call_command` does."""
    return call_command(lambda: runpy.run_path(str(ROOT / "src" / name), run_name="__main__"), *words)


class OneTry:
    """Stands in for a Sender whose process ends after it has tried once to deliver everything."""

    refused: Exception | None = None

    def __init__(self, outbox: Outbox, opened: bool) -> None:
        self._outbox, self._opened = outbox, opened

    @property
    def left(self) -> int:
        return len(self._outbox.waiting)

    def wake(self) -> None:
        pass

    def finish(self, patience: float, in_all: bool = False) -> None:
        assert patience
        assert in_all in (True, False)
        try:
            if not self._opened:
                open_store()
            Delivery(self._outbox).deliver_all()
        except Exception as error:
            print(error, file=sys.stderr)
            self._outbox.close()
        else:
            self._outbox.remove()


def recorded_runs(filter_string: str = "") -> list[mlflow.entities.Run]:
    """Return the runs of the active experiment that MLflow's search syntax selects, oldest first."""
    found: list[mlflow.entities.Run] = mlflow.search_runs(
        [store.use()], filter_string, output_format="list", order_by=["attributes.start_time ASC"]
    )
    return found


def metric_points(run_id: str, metric: str) -> list[tuple[int, float]]:
    """Return the step and the value of a recorded metric at every step."""
    history: Any = mlflow.MlflowClient().get_metric_history(run_id, metric)
    return [(point.step, point.value) for point in history]


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in the folder, with its relative path."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def fail_after(successes: int, patch: pytest.MonkeyPatch, *operations: tuple[Any, str]) -> None:
    """Let the operations, each given by owner and name, raise OSError after `successes` calls of any of them
    have succeeded."""
    left = [successes]

    def limit(operation: Callable[..., Any]) -> Callable[..., Any]:
        def limited(*arguments: Any, **options: Any) -> Any:
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= 1
            return operation(*arguments, **options)

        return limited

    for owner, name in operations:
        patch.setattr(owner, name, limit(getattr(owner, name)))


def free_port() -> int:
    """Return the number of a port that nothing uses."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
