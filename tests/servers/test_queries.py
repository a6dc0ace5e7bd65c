"""Many runs are read from PostgreSQL the same way as by MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from diverse_runs import (
    CLAUSES,
    FILTERS,
    assert_equally_read,
    assert_histories_equally_read,
    record_diverse_runs,
)


@pytest.fixture(scope="module")
def diverse_runs(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A database with runs of every kind."""
    folder: Path = tmp_path_factory.mktemp("root")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where MLflow keeps artifacts if nobody says where
        patch.setenv("DVC_ROOT", str(folder))
        patch.setenv("MLFLOW_TRACKING_URI", postgres.create("diverse_runs"))
        record_diverse_runs()
        yield


@pytest.mark.usefixtures("diverse_runs")
def test_each_filter_selects_the_runs_that_mlflow_selects() -> None:
    for filter_string in ("", *CLAUSES):
        assert_equally_read(filter_string)


@pytest.mark.usefixtures("diverse_runs")
@settings(max_examples=50)
@given(FILTERS)
def test_several_conditions_select_the_runs_that_mlflow_selects(filter_string: str) -> None:
    assert_equally_read(filter_string)


@pytest.mark.usefixtures("diverse_runs")
def test_the_histories_are_those_that_mlflow_has() -> None:
    assert_histories_equally_read()
