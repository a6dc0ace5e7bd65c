"""A params.yaml that tests decide on, copies of conf/, and a limit for what could take forever."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digits.base.paths import CONF

DEFAULTS: dict[str, Any] = {
    "data": "sample",
    "model": "compact",
    "recipe": "onecycle",
    "optimizer": "auto",
    "schedule": "auto",
    "epochs": "auto",
    "batch_size": "auto",
    "learning_rate": "auto",
    "seed": 0,
    "split_seed": 0,
    "validation": 0.1,
    "threads": "auto",
    "overrides": [],
}


@pytest.fixture(autouse=True)
def set_params(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Compose from DEFAULTS, whatever params.yaml says. Returns a function that changes values of it."""

    def set_values(**values: object) -> None:
        monkeypatch.setattr("digits.config.compose.read_params", lambda: DEFAULTS | values)

    set_values()
    return set_values


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Compose from a copy of conf/. Returns its folder."""
    folder = tmp_path / "conf"
    shutil.copytree(CONF, folder)
    monkeypatch.setattr("digits.config.compose.CONF", folder)
    monkeypatch.setattr("digits.config.params.CONF", folder)
    return folder
