import contextlib
import functools
import sqlite3
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import pytest

from conftest import ROOT
from digits import store
from digits.errors import UserError
from test_tracking import runs


@pytest.fixture(autouse=True)
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


def test_the_store_is_in_the_project_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert store.uri() == f"sqlite:///{ROOT / 'mlflow.db'}?timeout=60"
    monkeypatch.setenv("DVC_ROOT", "/elsewhere")
    assert store.uri() == "sqlite:////elsewhere/mlflow.db?timeout=60"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert store.uri() == "http://127.0.0.1:9"


def test_a_server_that_does_not_answer_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: http://127.0.0.1:9 does not answer"):
        store.use()


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("nothing of the kind" * 100)
    with pytest.raises(UserError, match=r"mlflow\.db: cannot be opened: .*not a database") as refusal:
        store.use()
    assert "\n" not in str(refusal.value)


def test_a_server_that_is_not_mlflows_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(UserError, match=r"cannot be opened: .*404"):
            store.use()
        server.shutdown()


def test_a_store_of_another_mlflow_is_refused(tmp_path: Path) -> None:
    store.use()
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'of_the_future'")
        database.commit()
    # another process, since this one has looked at the version already
    code = "import sys; sys.path.insert(0, 'src'); from digits import store; store.use()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("digits.errors.UserError: sqlite:///")
    assert "cannot be opened" in last
    assert "mlflow db upgrade" in last


def test_processes_that_record_at_once_lose_nothing(address: str) -> None:
    code = (
        "import sys, mlflow; sys.path.insert(0, 'src'); from digits import store\n"
        "store.use()\n"
        "with mlflow.start_run():\n"
        "    for step in range(20): mlflow.log_metrics({'a': step, 'b': -step}, step=step)\n"
    )
    for already in (0, 8):  # in the store: it is missing at first
        started = [
            subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True)
            for _ in range(8)
        ]
        for process in started:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors
        mlflow.set_tracking_uri(address)
        assert len(runs()) == already + 8
    client = mlflow.MlflowClient()
    for run in runs():
        for metric, sign in (("a", 1), ("b", -1)):
            history = client.get_metric_history(run.info.run_id, metric)
            assert [point.value for point in history] == [sign * step for step in range(20)]
