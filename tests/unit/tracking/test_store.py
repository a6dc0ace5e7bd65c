"""The store: where it is, which stores are refused, and what is read from it."""

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import pytest

from digits.base.errors import UserError
from digits.base.paths import NAME
from digits.tracking import runs, store


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a store that the test has for itself; it does not exist yet."""
    file = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    return file


def test_a_server_that_does_not_answer_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(
        UserError, match=r"^MLFLOW_TRACKING_URI: http://127.0.0.1:9 does not answer"
    ) as refusal:
        store.use()
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_no_database_is_refused(database: Path) -> None:
    database.write_text("nothing of the kind" * 100)
    with pytest.raises(UserError, match=r"mlflow\.db: is damaged; .*not a database") as refusal:
        store.use()
    assert "\n" not in str(refusal.value)


class Refusing(BaseHTTPRequestHandler):
    """Answers every request with `status` and a page."""

    status = 404

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<html>a page for people</html>")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A server on this machine that is not MLflow's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_server_that_is_not_mlflows_is_refused(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(Refusing, "status", status)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(UserError, match=r"does not answer as an MLflow server does") as refusal:
        store.use()
    assert "\n" not in str(refusal.value)


def test_a_server_that_wants_a_password_is_refused_with_what_to_set(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusing, "status", 401)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:s3cret@127.0.0.1:{server.server_port}")
    with pytest.raises(
        UserError, match=r"set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    ) as refusal:
        store.use()
    assert "s3cret" not in str(refusal.value)


def test_a_user_whom_a_server_does_not_permit_something_is_told_what_to_ask_for(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusing, "status", 403)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
    for user, words in (
        ("", "lets nobody in without the right credentials"),
        ("me", f"does not let the user me read the experiment {NAME} "),
    ):
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
        with pytest.raises(UserError, match=words):
            store.use()


def test_a_server_behind_the_proxy_of_the_environment_is_asked_through_it(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusing, "status", 401)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server.invalid")
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: http://server.invalid lets nobody in"):
        store.use()


@pytest.mark.parametrize("damage", ["cut", "zeros", "other text"])
def test_a_damaged_database_is_refused_with_what_to_do(
    database: Path, empty_store: Path, damage: str
) -> None:
    content = bytearray(empty_store.read_bytes())
    match damage:
        case "cut":
            del content[len(content) // 2 :]
        case "zeros":
            content[4096:] = bytes(len(content) - 4096)
        case "other text":
            content = content.replace(b"CREATE TABLE", b"CREATE \xad\xad\xad\xad\xad")
    database.write_bytes(content)
    with pytest.raises(
        UserError, match=r"mlflow\.db: is damaged; put back a copy, or move it away"
    ) as refusal:
        store.use()
    assert "\n" not in str(refusal.value)
    assert database.read_bytes() == content


def test_an_empty_database_is_refused_with_what_to_do(database: Path) -> None:
    database.touch()
    with pytest.raises(UserError, match=r"mlflow\.db: is empty; put back a copy, or remove it"):
        store.use()
    assert database.read_bytes() == b""


@pytest.mark.usefixtures("recording")
def test_a_run_id_in_the_environment_is_ignored_with_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.use()
    with runs.run("old") as old:
        pass
    before = mlflow.get_run(old.run_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", old.run_id)
    store.use()
    assert (
        capsys.readouterr().err == f"MLFLOW_RUN_ID={old.run_id} is ignored: each model has a run of its own\n"
    )
    with runs.run("new") as new:
        pass
    assert new.run_id != old.run_id
    assert dict(mlflow.get_run(old.run_id).info) == dict(before.info)


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
    assert str(refusal.value).startswith(f"{tmp_path}/mlflow.db: ")


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
