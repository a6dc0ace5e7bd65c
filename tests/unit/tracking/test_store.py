"""The store: where it is, which stores are refused, and what is read from it."""

import contextlib
import functools
import shutil
import sqlite3
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import pytest

from digits.base.errors import UserError
from digits.tracking import store
from support import ROOT


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a store that the test has for itself; it does not exist yet."""
    file = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    return file


def test_the_store_is_in_the_project_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store.uri() == f"sqlite:///{ROOT / 'mlflow.db'}?timeout=60"


def test_in_a_temporary_copy_the_store_is_in_the_project_that_dvc_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", "/elsewhere")
    assert store.uri() == "sqlite:////elsewhere/mlflow.db?timeout=60"


def test_the_tracking_uri_in_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", "/elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert store.uri() == "http://127.0.0.1:9"


def test_a_server_that_does_not_answer_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(
        UserError, match=r"^MLFLOW_TRACKING_URI: http://127.0.0.1:9 does not answer"
    ) as refusal:
        store.use()
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_no_database_is_refused(database: Path) -> None:
    database.write_text("nothing of the kind" * 100)
    with pytest.raises(UserError, match=r"mlflow\.db: cannot be opened: .*not a database") as refusal:
        store.use()
    assert "\n" not in str(refusal.value)


def test_a_server_that_is_not_mlflows_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        try:
            with pytest.raises(UserError, match=r"cannot be opened: .*404"):
                store.use()
        finally:
            server.shutdown()


@pytest.mark.usefixtures("recording")
def test_a_store_of_another_mlflow_is_refused_with_what_to_do(
    store_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.use()
    shutil.copy(store_uri.removeprefix("sqlite:///").partition("?")[0], tmp_path / "mlflow.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'of_the_future'")
        database.commit()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    with pytest.raises(UserError, match=r"cannot be opened: .*mlflow db upgrade") as refusal:
        store.use()
    assert str(refusal.value).startswith(f"sqlite:///{tmp_path}")


@pytest.mark.usefixtures("recording")
def test_artifacts_lie_beside_the_database(recording: str, store_uri: str) -> None:
    folder = Path(store_uri.removeprefix("sqlite:///")).parent
    assert mlflow.get_experiment(store.use()).artifact_location == (folder / "mlruns" / recording).as_uri()


@pytest.mark.usefixtures("recording")
def test_a_filter_in_a_wrong_syntax_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^filter: ") as refusal:
        store.search("nothing of the kind")
    assert "\n" not in str(refusal.value)


@pytest.mark.usefixtures("recording")
def test_runs_are_found_newest_first() -> None:
    store.use()
    for number in range(3):
        with mlflow.start_run(run_name=f"run {number}"):
            mlflow.log_param("even", number % 2 == 0)
    assert [record.name for record in store.search("params.even = 'True'")] == ["run 2", "run 0"]
    newest = store.newest("params.even = 'True'")
    assert newest is not None
    assert newest.name == "run 2"
    assert store.newest("params.even = 'maybe'") is None


@pytest.mark.usefixtures("recording")
def test_a_metric_is_read_at_every_step() -> None:
    store.use()
    with mlflow.start_run() as run:
        for step in (1, 2, 3):
            mlflow.log_metric("accuracy", step / 4, step=step)
    assert store.metric_history(run.info.run_id, "accuracy") == [(1, 0.25), (2, 0.5), (3, 0.75)]
