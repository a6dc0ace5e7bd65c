"""src/run.py: the stages of DVC, without what DVC says beside them."""

import json
import logging
from pathlib import Path

import pytest

from digits.base.errors import UserError
from digits.reports import pipeline


def test_what_is_no_key_of_params_yaml_goes_into_its_overrides() -> None:
    words = ["data=sample", "model.dropout=0.5", "epochs=3", "recipe.rotation=0"]
    *settings, others = pipeline._settings(words)
    assert settings == ["data=sample", "epochs=3"]
    assert json.loads(others.removeprefix("overrides=")) == ["model.dropout=0.5", "recipe.rotation=0"]
    assert pipeline._settings(["seed=1"]) == ["seed=1"]


@pytest.mark.parametrize(
    ("level", "message", "wanted"),
    [
        (logging.INFO, "Running stage 'train':", True),
        (logging.INFO, "Stage 'fetch' is cached - skipping run, checking out outputs", True),
        (logging.INFO, "> python src/train.py out=.", False),
        (logging.INFO, "Updating lock file 'dvc.lock'", False),
        (logging.INFO, "\nTo enable auto staging, run:\n\n\tdvc config core.autostage true", False),
        (logging.WARNING, "anything", True),
    ],
)
def test_of_dvc_there_is_a_line_for_each_stage_and_what_went_wrong(
    level: int, message: str, wanted: bool
) -> None:
    record = logging.LogRecord("dvc", level, "", 0, message, None, None)
    assert pipeline._is_wanted(record) == wanted


def test_a_project_that_is_not_committed_is_refused_with_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError) as refusal:
        pipeline.run_in_copy(["data=sample"])
    assert str(refusal.value) == (
        f"{tmp_path}: is not committed to git, which DVC works with: "
        "git init && git add . && git commit -m start, then the same command again"
    )


def test_without_git_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"^git: is not installed"):
        pipeline.run_in_copy(["data=sample"])
