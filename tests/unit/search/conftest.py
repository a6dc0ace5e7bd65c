"""What sweeps and searches need: a place to run commands in, which the tests of a module share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from digits.base import paths
from digits.data import archive
from support import CLASSES, DIGEST, SHAPE, MakeSplit, make_request, make_splits


@pytest.fixture(scope="module")
def workspace(
    store_uri: str,
    make_split: MakeSplit,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Path]:
    """What `recording` and `prepare` are to a test, for the tests of a module that look at the same runs. The
    folder is the current one."""
    folder = tmp_path_factory.mktemp("workspace")
    small = make_splits(train=make_split(200), validation=make_split(60), test=make_split(50))
    archive.save(small, make_request().config, folder / "prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(paths, "PREPARED", folder / "prepared")
        patch.setenv("DVC_ROOT", str(folder))
        patch.setenv("MLFLOW_TRACKING_URI", store_uri)
        patch.setenv("MLFLOW_EXPERIMENT_NAME", f"{request.module.__name__}-{folder.name}")
        patch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
        yield folder


@pytest.fixture
def any_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take all data for prepared."""
    monkeypatch.setattr(archive, "check", lambda *_: archive.Description(DIGEST, {}, CLASSES, SHAPE, 0))


@pytest.fixture
def place(recording: str, prepare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, of the test's own, with prepared images. Runs are recorded in an experiment of the
    test's own."""
    assert recording
    assert prepare.is_relative_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
