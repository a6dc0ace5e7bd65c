"""Where the project's files are."""

from pathlib import Path

import pytest

from digits.base import paths


def test_the_root_is_the_folder_of_params_yaml_and_conf() -> None:
    assert paths.PARAMS.is_file()
    assert (paths.CONF / "config.yaml").is_file()


def test_in_a_temporary_copy_the_main_root_is_the_one_that_dvc_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert paths.main_root() == tmp_path


@pytest.mark.parametrize("value", [None, ""])
def test_outside_dvc_the_main_root_is_this_project(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    if value is not None:
        monkeypatch.setenv("DVC_ROOT", value)
    assert paths.main_root() == paths.ROOT
