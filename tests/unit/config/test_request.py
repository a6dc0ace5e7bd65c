"""What a command is asked to do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from digits.base.errors import UserError
from digits.base.paths import ROOT
from digits.config.data import DataConfig
from digits.config.params import in_params
from digits.config.request import Request, compose_request
from digits.config.schema import Config

JOBLIB = ("hydra.mode=MULTIRUN", "hydra/launcher=joblib")


def request(*overrides: str) -> Request[Config]:
    return compose_request(overrides, Config, Path("out"))


def test_without_a_name_the_model_is_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert request().model_file == ROOT / "models/model.keras"


def test_a_named_model_is_relative_to_where_the_person_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert request("model_file=a/model.keras").model_file == tmp_path / "a/model.keras"
    assert request("model_file=/b.keras").model_file == Path("/b.keras")


def test_options_have_the_defaults_of_the_primary_configuration() -> None:
    options = request().options
    assert (options.model_file, options.resume, options.parent_run) == (None, "auto", None)
    assert options.offline is False


@pytest.mark.parametrize(("word", "offline"), [("true", True), ("True", True), ("false", False)])
def test_offline_can_be_said_in_the_environment_of_a_whole_pipeline(
    word: str, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITS_OFFLINE", word)
    assert request().options.offline is offline
    assert request("offline=true").options.offline is True


def test_options_are_no_part_of_the_experiment() -> None:
    changed = request("resume=true", "parent_run=abc", "out=x", "threads=1")
    assert changed.config == request().config
    assert changed.options.model_dump() == {
        "out": "x",
        "model_file": None,
        "resume": True,
        "offline": False,
        "parent_run": "abc",
        "run_name": None,
    }


def test_other_options_leave_the_request_as_it_was() -> None:
    first = request()
    assert first.with_options(resume=True).options.resume is True
    assert first.options.resume == "auto"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("offline=maybe", "offline: must be true or false, not 'maybe' (command line)"),
        ("out=3", "out: input should be a valid string, not 3 (command line)"),
        ("~out", "out: field required (command line)"),
        ("resume=maybe", "resume: must be true, false or auto, not 'maybe' (command line)"),
        ("model_file=3", "model_file: input should be a valid string, not 3 (command line)"),
        ("threads=0", "threads: input should be greater than 0 or auto, not 0 (command line)"),
        ("threads=ten", "threads: input should be a valid integer or auto, not 'ten' (command line)"),
        ("outs=a", "outs: unknown key; the keys are data, model, recipe, optimizer, sch"),
        ("seed=-1", "seed: input should be greater than or equal to 0, not -1 (command line)"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(override: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        request(override)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_wrong_threads_in_params_yaml_are_refused_with_the_file(set_params: Callable[..., None]) -> None:
    set_params(threads=0)
    with pytest.raises(UserError) as error:
        request()
    assert str(error.value) == f"threads: input should be greater than 0 or auto, not 0 ({in_params()})"


def test_a_command_of_the_data_needs_no_model() -> None:
    asked = compose_request(["split_seed=3"], DataConfig, Path("out"))
    assert asked.config.model_dump(exclude={"data"}) == {"split_seed": 3, "validation": 0.1}


@pytest.mark.parametrize(
    ("overrides", "threads", "workers"),
    [
        ((), 8, 1),
        (("threads=3",), 3, 1),
        (("hydra.mode=MULTIRUN",), 8, 1),
        (JOBLIB, 1, 8),
        ((*JOBLIB, "hydra.launcher.n_jobs=2"), 4, 2),
        ((*JOBLIB, "hydra.launcher.n_jobs=2", "threads=3"), 3, 2),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"), 8, 1),
    ],
)
def test_the_workers_of_a_sweep_share_the_processors(
    overrides: tuple[str, ...], threads: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    resources = request(*overrides).resources
    assert (resources.threads, resources.workers) == (threads, workers)


def test_a_request_has_the_folder() -> None:
    assert request("model.dropout=0.5", "seed=3").out == Path("out")
