"""A store whose project was moved or copied."""

import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from sklearn.dummy import DummyClassifier

from digits.base.errors import UserError
from digits.tracking import store


@pytest.fixture
def old(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one run."""
    project = tmp_path / "100% old"
    project.mkdir()
    shutil.copy(empty_store, project / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    monkeypatch.setenv("DVC_ROOT", str(project))
    store.use()
    with mlflow.start_run():
        mlflow.log_text("old", "note.txt")
        mlflow.sklearn.log_model(DummyClassifier().fit([[0]], [0]), name="model", pip_requirements=[])
    return project


def use(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("DVC_ROOT", str(project))
    store.use()


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_what_was_recorded_before_a_move_is_found_and_new_files_lie_in_the_new_place(
    old: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    move: Callable[[Path, Path], object],
) -> None:
    new = tmp_path / "new"
    move(old, new)
    before = {file for file in old.rglob("*") if file.is_file()}
    use(new, monkeypatch)
    assert "its paths are corrected" in capsys.readouterr().err
    (record,) = store.search()
    (model,) = mlflow.search_logged_models([store.use()], output_format="list")
    run = mlflow.get_run(record.run_id)
    for uri in (run.info.artifact_uri, model.artifact_location):
        assert uri.startswith(f"{new.as_uri()}/mlruns/digits/")
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/note.txt") == "old"
    assert mlflow.sklearn.load_model(model.model_uri)
    with mlflow.start_run():
        mlflow.log_text("new", "another.txt")
    assert len(list(new.rglob("another.txt"))) == 1
    assert {file for file in old.rglob("*") if file.is_file()} == before
    capsys.readouterr()
    use(new, monkeypatch)
    assert capsys.readouterr().err == ""  # nothing to correct any more


def test_the_store_is_kept_as_it_was(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (old / "mlflow.db").read_bytes()
    old.rename(tmp_path / "new")
    use(tmp_path / "new", monkeypatch)
    assert (tmp_path / "new/mlflow.db.before-move").read_bytes() == content


def test_a_store_without_its_artifacts_is_refused(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    new.mkdir()
    content = (old / "mlflow.db").read_bytes()
    (new / "mlflow.db").write_bytes(content)
    with pytest.raises(UserError) as refusal:
        use(new, monkeypatch)
    assert str(refusal.value) == (
        f"{new}/mlflow.db: was made in {old}, and its artifacts are not here; copy {old}/mlruns to "
        f"{new}/mlruns, or remove mlflow.db to start a new store"
    )
    assert (new / "mlflow.db").read_bytes() == content


@pytest.mark.parametrize("location", ["s3://bucket/digits", "file:///shared/artifacts"])
def test_a_place_for_artifacts_that_somebody_chose_stays(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").create_experiment("digits", location)
    assert mlflow.get_experiment(store.use()).artifact_location == location
