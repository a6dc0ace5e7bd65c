"""The search: what may be said of it, how trials are shared out, and src/tune.py as a person runs it."""

import copy
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import optuna
import pytest
import yaml
from filelock import FileLock

from conftest import ROOT, Project
from digits import search, studies
from digits.config import Config
from digits.errors import UserError

PRESETS = {"data": "sample", "model": "compact", "recipe": "onecycle", "search": "compact"}

TINY = """\
trials: 3
sampler: { name: random, seed: 1 }
pruner: { name: threshold, lower: 0.3 }
space:
  learning_rate: { choices: [0.0000001, 0.2] }
  recipe:
    optimizer:
      momentum: { low: 0.8, high: 0.95 }
"""


def composed(**changes: Any) -> dict[str, Any]:
    """The values that tune.py composes; `changes` are to the section search."""
    values = {
        group: yaml.safe_load((ROOT / f"conf/{group}/{name}.yaml").read_text())
        for group, name in PRESETS.items()
    }
    values |= {"seed": 0, "split_seed": 0, "validation": 0.1, "threads": 2, "study": "auto"}
    values |= {"epochs": "auto", "batch_size": "auto", "learning_rate": "auto"}
    values |= {"model_file": "m.keras", "resume": False}
    values["search"] |= changes
    return values


def read(values: dict[str, Any] | None = None, **changes: Any) -> search.Search:
    return search.read(values or composed(**changes), dict(PRESETS))


def fixed(parameters: dict[str, Any]) -> optuna.trial.FixedTrial:
    return optuna.trial.FixedTrial(parameters)


def test_a_point_of_the_space_is_a_configuration() -> None:
    space = {
        "learning_rate": {"low": 0.01, "high": 1, "log": True},
        "recipe": {"shift": {"low": 0, "high": 4, "step": 2}, "optimizer.momentum": {"low": 0, "high": 0.9}},
        "model": {"filters": {"choices": [[8], [8, 16]]}},
    }
    point = {"learning_rate": 0.123456, "recipe.shift": 2, "recipe.optimizer.momentum": 0.5}
    config = read(space=space).at(fixed({**point, "model.filters": "[8, 16]"}))
    assert config.learning_rate == 0.1235
    assert config.recipe.shift == 2
    assert config.recipe.model_dump()["optimizer"] == {"name": "sgd", "momentum": 0.5}
    assert config.model.arguments == {"filters": [8, 16], "first_layer": "learnt", "dropout": 0.3}


def test_the_study_is_named_after_what_makes_trials_comparable() -> None:
    base = read().study
    assert base.startswith("compact-")
    assert read(trials=99, pruner={"name": "none"}).study == base
    assert read(composed() | {"threads": 1}).study == base
    assert read(composed() | {"learning_rate": 0.3}).study == base  # searched over
    assert read(composed() | {"epochs": 9}).study != base
    assert read(space={"learning_rate": {"low": 0.1, "high": 0.2}}).study != base
    assert read(composed() | {"study": "mine"}).study == "mine"


def one(key: str, dimension: Any) -> dict[str, Any]:
    return {"space": {key: dimension}}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"space": None}, "search.space: is empty; say which keys to search (conf/search/compact.yaml)"),
        ({"space": {"recipe": {}}}, "search.space: is empty"),
        (
            one("learning_rat", {"low": 1, "high": 2}),
            "search.space.learning_rat: unknown key; there is model.",
        ),
        (
            one("recipe.learning_rate", {"low": 1, "high": 2}),
            "search.space.recipe.learning_rate: unknown key",
        ),
        (one("model", {"choices": ["compact"]}), "search.space.model: a search is within presets"),
        (one("seed", {"low": 0, "high": 9}), "search.space.seed: is not for searching"),
        (one("data.test", {"choices": [10]}), "search.space.data.test: is not for searching, since trials"),
        (
            one("epochs", {"low": 2, "high": 1}),
            "search.space.epochs: low must be less than high, not 2 and 1",
        ),
        (one("epochs", {"low": 0, "high": 1, "log": True}), "log needs a low above 0, not 0"),
        (one("epochs", {"low": 1, "high": 2, "log": True, "step": 1}), "takes log or step, not both"),
        (one("epochs", {"low": "a", "high": 2}), "search.space.epochs.low: must be a number, not 'a'"),
        (one("epochs", {"low": 1}), "search.space.epochs.high: field required"),
        (one("epochs", {"choices": []}), "search.space.epochs.choices: list should have at least 1 item"),
        (
            one("epochs", {"low": 0, "high": 2}),
            "search.space reaches too far: epochs: input should be greater",
        ),
        (one("batch_size", {"choices": [8, "x"]}), "too far: batch_size: input should be a valid integer"),
        ({"trials": 0}, "search.trials: input should be greater than 0, not 0"),
        ({"trails": 5}, "unknown key trails; allowed: trials, sampler, pruner, space"),
        ({"sampler": {"name": "tpe"}}, "search.sampler.seed: field required"),
        ({"pruner": {"name": "medium"}}, "search.pruner: input tag 'medium' found using 'name' does not"),
    ],
)
def test_a_wrong_search_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as refusal:
        read(**changes)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


class Bench:
    """A study in a file, and trials that cost nothing."""

    def __init__(self, database: Path, trials: int, sampler: str = "tpe") -> None:
        self.sought = read(trials=trials, sampler={"name": sampler, "seed": 0})
        self.lock = FileLock(f"{database}.study.lock")
        self.stale: list[Mapping[str, Any]] = []
        self.study = studies.open_study(self.sought, database, self.stale.append)

    def optimize(self, objective: Any = None) -> None:
        studies.optimize(self.study, self.sought, self.lock, objective or self.score)

    @staticmethod
    def score(_: optuna.Trial, config: Config) -> float:
        return 1 - abs(config.learning_rate - 0.3)

    def states(self) -> list[str]:
        return [trial.state.name for trial in self.study.trials]


def test_a_continued_study_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = Bench(tmp_path / "whole.db", 14)
    whole.optimize()
    for trials in (5, 9, 14):
        parts = Bench(tmp_path / "parts.db", trials)
        parts.optimize()
    assert [trial.params for trial in parts.study.trials] == [trial.params for trial in whole.study.trials]
    best = studies.best(parts.study)
    assert best is not None
    assert best.value == max(trial.value for trial in whole.study.trials if trial.value)


def test_processes_that_share_a_study_do_no_trial_too_many_and_none_twice(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            Bench(tmp_path / "optuna.db", 8, "random").optimize()
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    bench = Bench(tmp_path / "optuna.db", 8)
    assert bench.states() == ["COMPLETE"] * 8
    assert len({trial.params["learning_rate"] for trial in bench.study.trials}) == 8


def test_a_trial_that_fails_is_made_up_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path / "optuna.db", 3)

    def fails_once(trial: optuna.Trial, config: Config) -> float:
        if trial.number == 1:
            raise RuntimeError("no memory")
        return bench.score(trial, config)

    bench.optimize(fails_once)
    assert bench.states() == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert capsys.readouterr().out == "trial 1 failed: RuntimeError: no memory\n"


def test_a_search_in_which_everything_fails_ends(tmp_path: Path) -> None:
    def fails(_: optuna.Trial, __: Config) -> float:
        raise RuntimeError("no memory")

    with pytest.raises(UserError, match="3 trials in a row failed, the last with RuntimeError: no memory"):
        Bench(tmp_path / "optuna.db", 9).optimize(fails)


def test_a_trial_whose_process_was_killed_fails_and_one_that_lives_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "HEARTBEAT", 1)
    monkeypatch.setattr(studies, "GRACE", 2)
    killed = Bench(tmp_path / "optuna.db", 1)
    with pytest.warns(UserWarning, match="Heartbeat"):  # which optimize() would send by itself
        trial = killed.study.ask()
    trial.set_user_attr("run", "r1")
    storage = killed.study._storage
    assert isinstance(storage, optuna.storages._cached_storage._CachedStorage)
    storage.record_heartbeat(trial._trial_id)
    bench = Bench(tmp_path / "optuna.db", 2)

    def slow(_: optuna.Trial, __: Config) -> float:
        time.sleep(4)
        return 0.5

    alive = threading.Thread(target=Bench(tmp_path / "optuna.db", 2).optimize, args=(slow,))
    alive.start()
    bench.optimize()
    alive.join()
    assert bench.states() == ["FAIL", "COMPLETE", "COMPLETE"]
    assert bench.stale in ([], [{"run": "r1"}])  # the other may have noticed it


def test_a_study_of_another_space_is_refused(tmp_path: Path) -> None:
    def study(values: dict[str, Any]) -> None:
        studies.open_study(read(values | {"study": "mine"}), tmp_path / "optuna.db", lambda _: None)

    study(composed())
    study(copy.deepcopy(composed(trials=99)))
    with pytest.raises(UserError, match=r"^study: mine searches another space or card"):
        study(composed() | {"epochs": 9})


def children(project: Project) -> list[mlflow.entities.Run]:
    mlflow.set_tracking_uri(project.store)
    found: list[mlflow.entities.Run] = mlflow.search_runs(
        experiment_names=["digits"], filter_string="tags.sweep LIKE '%'", output_format="list"
    )
    return found


def tune(project: Project, *words: str, code: int = 0) -> str:
    return project.run("python", "src/tune.py", "search=tiny", "epochs=2", *words, code=code)


@pytest.fixture(scope="module")
def outputs(project: Project) -> list[str]:
    """What a search of 3 trials prints, then 5 of the same, then 5 again."""
    (project.root / "conf/search/tiny.yaml").write_text(TINY)
    for stage in ("fetch", "preprocess"):
        project.run("python", f"src/{stage}.py", "hydra.run.dir=.", "hydra.output_subdir=null")
    return [tune(project), tune(project, "search.trials=5"), tune(project, "search.trials=5")]


def test_a_search_is_continued_and_ends_with_a_winner(outputs: list[str]) -> None:
    first, second, third = outputs
    assert "trial 2" in first
    assert "trial 3" not in first
    assert "trial 2:" not in second
    assert "trial 4" in second
    assert "dvc exp run -S data=sample" in second
    assert "-S learning_rate=0.2 " in second
    assert "Epoch" not in third  # neither trained nor scored again
    assert third.split("best by")[1].split("tables")[0] == second.split("best by")[1].split("tables")[0]


def test_trials_are_children_and_the_winner_alone_has_seen_the_test_set(
    project: Project, outputs: list[str]
) -> None:
    runs = children(project)
    assert len({run.data.tags["mlflow.parentRunId"] for run in runs}) == 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    trials = [run for run in runs if "trial" in run.data.tags]
    assert sorted(run.data.tags["trial"] for run in trials) == list("01234")
    assert all(run.info.run_name.startswith(f"trial {run.data.tags['trial']} ") for run in trials)
    assert not any("test_accuracy" in run.data.metrics for run in trials)
    (winner,) = [run for run in runs if run.data.tags.get("winner") == "true"]
    assert f"{winner.data.metrics['test_accuracy']:.2%}" in outputs[-1]
    # of equally good trials the first
    best = max(trials, key=lambda run: (run.data.metrics["val_accuracy"], -int(run.data.tags["trial"])))
    assert winner.data.tags["winner_of_trial"] == best.data.tags["trial"]
    assert winner.data.metrics["val_accuracy"] == best.data.metrics["val_accuracy"]


@pytest.mark.usefixtures("outputs")
def test_hopeless_trials_are_pruned_after_an_epoch(project: Project) -> None:
    trials = [run for run in children(project) if "trial" in run.data.tags]
    hopeless = [run for run in trials if run.data.params["learning_rate"] == "1e-07"]
    assert 0 < len(hopeless) < len(trials)
    assert [run for run in trials if "pruned" in run.data.tags] == hopeless
    client = mlflow.MlflowClient()
    for run in trials:
        epochs = client.get_metric_history(run.info.run_id, "val_accuracy")
        assert len(epochs) == (1 if run in hopeless else 2)


@pytest.mark.usefixtures("outputs")
def test_the_parent_has_the_pictures_and_the_command(project: Project) -> None:
    parent = mlflow.get_run(children(project)[0].data.tags["sweep"])
    assert parent.info.status == "FINISHED"
    assert "dvc exp run -S data=sample" in parent.data.tags["mlflow.note.content"]
    files = {file.path for file in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
    assert {"optimization_history.png", "param_importances.png", "ranking.md", "ranking.csv"} <= files


@pytest.mark.usefixtures("outputs")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["search.space=null"], "error: search.space: is empty"),
        (["+search.space.epoch={low: 1, high: 2}"], "error: search.space.epoch: unknown key; there is"),
        (["validation=0"], "error: validation: a search needs validation images"),
        (["validation=0.3"], "error: validation: asked for 0.3, but"),
        (["search=nope"], "error: search: no preset nope in conf/search/; there is compact, tiny"),
        (["search.trails=3"], "error: search.trails: unknown key on the command line; see conf/search/"),
        (["-m"], "error: -m: a search makes its own trials"),
    ],
)
def test_bad_input_is_one_line_and_starts_nothing(project: Project, words: list[str], complaint: str) -> None:
    known = len(children(project))
    output = tune(project, *words, code=1)
    assert output.startswith(complaint)
    assert output.count("\n") == 1
    assert len(children(project)) == known


def test_what_a_killed_process_leaves_is_done_by_those_that_share_the_study(
    project: Project, tmp_path: Path
) -> None:
    (project.root / "conf/search/tiny.yaml").write_text(TINY)
    project.edit("src/digits/studies.py", "GRACE = 30", "GRACE = 8")
    words = ("search=tiny", "study=shared", "search.trials=4", "epochs=10")
    command = ("python", "src/tune.py", *words, "search.space.learning_rate={choices: [0.1, 0.2]}")
    outputs = [tmp_path / "killed", tmp_path / "left"]
    started = []
    for output in outputs:
        with output.open("w") as stream:
            started.append(
                subprocess.Popen(
                    command,
                    cwd=project.root,
                    env=project.environment,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                )
            )
    killed, left = started
    try:
        while not all("Epoch 2/" in output.read_text() for output in outputs):
            assert killed.poll() is None, outputs[0].read_text()
            assert left.poll() is None, outputs[1].read_text()
            time.sleep(0.1)
        killed.kill()
        assert left.wait(timeout=240) == 0, outputs[1].read_text()
    finally:
        for process in started:
            process.kill()
            process.wait()
    shared = [run for run in children(project) if run.data.tags.get("study") == "shared"]
    assert len({run.data.tags["sweep"] for run in shared}) == 1
    assert sorted(run.info.status for run in shared) == [*["FINISHED"] * 4, "KILLED"]
    numbers = [run.data.tags["trial"] for run in shared if run.info.status == "FINISHED"]
    (parent,) = {run.data.tags["sweep"] for run in shared}
    (winner,) = [
        run
        for run in children(project)
        if run.data.tags["sweep"] == parent and run.data.tags.get("winner") == "true"
    ]
    assert winner.data.tags["winner_of_trial"] in numbers
    assert mlflow.get_run(parent).info.status == "FINISHED"
