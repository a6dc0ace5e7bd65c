"""Unit tests run in one process. They record in one store, each test in an experiment of its own."""

import hashlib
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from digits.base import paths
from digits.config.schema import Config
from digits.data import archive
from digits.learning import runtime
from support import MakeSplit, make_request, make_splits


@pytest.fixture(scope="session", autouse=True)
def _tensorflow() -> None:
    """Start TensorFlow before any test computes: it keeps the number of threads that it starts with."""
    runtime.start(2)  # as make_request() asks for


@pytest.fixture(scope="session")
def store_uri(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> str:
    """The address of a store for the session."""
    file = shutil.copy(empty_store, tmp_path_factory.mktemp("store"))
    return f"sqlite:///{file}?timeout=60"


@pytest.fixture
def recording(
    store_uri: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Record in an experiment of the test's own. Yields its name. What else is kept goes to `tmp_path`."""
    import mlflow

    name = hashlib.md5(request.node.nodeid.encode()).hexdigest()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    monkeypatch.setattr("digits.tracking.runs.uncommitted", lambda: "")  # whatever state the checkout is in
    yield name
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def prepare(tmp_path: Path, make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare small data for the defaults of make_request(), where commands look for them."""
    folder = tmp_path / "prepared"
    config: Config = make_request().config
    small = make_splits(train=make_split(200), validation=make_split(60), test=make_split(50))
    archive.save(small, config, folder)
    monkeypatch.setattr(paths, "PREPARED", folder)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))  # where optuna.db and checkpoints go
    return folder


@pytest.fixture
def time_limit() -> Iterator[None]:
    """Raise TimeoutError after ten seconds: what a hostile file could take is unlimited."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
