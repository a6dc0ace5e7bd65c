"""The address of the store: where it is, and what of it is shown."""

import os
import string
from pathlib import Path

import mlflow
import pytest

from digits.base.errors import UserError
from digits.tracking import store
from digits.tracking.address import database_file, shown, tracking_uri
from support import ROOT

SPECIAL = [character for character in (*string.printable[:95], "é", "日", "\u00a0") if character != "/"]


@pytest.fixture
def set_uri(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.usefixtures("set_uri")
def test_the_store_is_in_the_project_by_default() -> None:
    assert tracking_uri() == f"sqlite:///{ROOT / 'mlflow.db'}?timeout=60"


def test_in_a_temporary_copy_the_store_is_in_the_project_that_dvc_names(set_uri: pytest.MonkeyPatch) -> None:
    set_uri.setenv("DVC_ROOT", "/elsewhere")
    assert tracking_uri() == "sqlite:////elsewhere/mlflow.db?timeout=60"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "https://host/path", "postgresql://host/name"])
def test_the_tracking_uri_in_the_environment_wins(set_uri: pytest.MonkeyPatch, address: str) -> None:
    set_uri.setenv("DVC_ROOT", "/elsewhere")
    set_uri.setenv("MLFLOW_TRACKING_URI", address)
    assert tracking_uri() == address


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("sqlite:///runs.db", "sqlite:////elsewhere/runs.db?timeout=60"),
        ("sqlite:///runs.db?timeout=5", "sqlite:////elsewhere/runs.db?timeout=5"),
        ("sqlite:////other/runs.db", "sqlite:////other/runs.db?timeout=60"),
        ("sqlite:////a#b/runs.db", "sqlite:////a#b/runs.db?timeout=60"),
        ("sqlite:////a%25b%3F/runs.db?timeout=60", "sqlite:////a%25b%3F/runs.db?timeout=60"),
    ],
)
def test_the_path_of_a_database_is_absolute_and_escaped(
    set_uri: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    set_uri.setenv("DVC_ROOT", "/elsewhere")
    set_uri.setenv("MLFLOW_TRACKING_URI", given)
    assert tracking_uri() == expected


@pytest.mark.parametrize("given", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(set_uri: pytest.MonkeyPatch, given: str) -> None:
    set_uri.setenv("MLFLOW_TRACKING_URI", given)
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: a store in memory"):
        tracking_uri()


def test_user_and_password_are_handed_to_mlflow_apart_from_the_address(set_uri: pytest.MonkeyPatch) -> None:
    set_uri.setenv("MLFLOW_TRACKING_URI", "https://some%40body:pass%2Fw%3Ard@host:5000/path")
    assert tracking_uri() == "https://host:5000/path"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "some@body"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "pass/w:rd"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("sqlite:////a/b.db?timeout=60", "/a/b.db"),
        ("sqlite:////a%25b%3F/c.db", "/a%b?/c.db"),
        ("postgresql://user:secret@host/name", "postgresql://user:***@host/name"),
        ("http://host:5000", "http://host:5000"),
    ],
)
def test_an_address_is_shown_without_password_and_escapes(address: str, expected: str) -> None:
    assert shown(address) == expected


@pytest.mark.parametrize("character", SPECIAL)
def test_a_project_may_lie_in_a_folder_of_any_name(
    character: str, empty_store: Path, tmp_path: Path, set_uri: pytest.MonkeyPatch
) -> None:
    project = tmp_path / f"a{character}b{character}"
    project.mkdir()
    (project / "mlflow.db").write_bytes(empty_store.read_bytes())
    set_uri.setenv("DVC_ROOT", str(project))
    set_uri.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    assert database_file(tracking_uri()) == project / "mlflow.db"
    store.use()
    client = mlflow.MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    run = client.create_run(experiment.experiment_id)
    client.log_text(run.info.run_id, "content", "note.txt")
    written = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert list(tmp_path.iterdir()) == [project]
    note = f"{project.name}/mlruns/digits/{run.info.run_id}/artifacts/note.txt"
    assert written == {f"{project.name}/{name}" for name in ("mlflow.db", "mlflow.db.lock")} | {note}
    assert len(store.search()) == 1
