"""The Optuna study: trials cost nothing here."""

import dataclasses
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest

from digits.base.errors import UserError
from digits.base.processes import this_process
from digits.config.schema import Config
from digits.search import study as studies
from digits.search.search import Search, read_search
from digits.search.study_store import FileStore
from digits.tracking.address import sqlite_uri
from support import make_search_request

pytestmark = pytest.mark.usefixtures("any_data")
Score = Callable[[optuna.Trial, Config], float]
SPACE = {"learning_rate": {"low": 0.02, "high": 1.0, "log": True}, "recipe.shift": {"low": 0, "high": 3}}


def score(_: optuna.Trial, config: Config) -> float:
    """Return an accuracy that is best at a learning rate of 0.3."""
    return 1 - abs(config.learning_rate - 0.3)


class Bench:
    """A process that works on the study in the file `database`."""

    def __init__(self, database: Path, search: Search) -> None:
        self.search = dataclasses.replace(search, store=FileStore(database))
        self.lock = self.search.store.lock("study")
        self.stale: list[Mapping[str, Any]] = []
        self.study = studies.open_study(self.search, self.stale.append)

    def optimize(self, score: Score = score) -> None:
        def objective(trial: optuna.Trial) -> float:
            try:
                config = self.search.at(trial).config
            finally:
                self.lock.release()
            return score(trial, config)

        studies.optimize(self.study, self.search, self.lock, objective, self.stale.append)

    def states(self) -> list[str]:
        return [trial.state.name for trial in self.study.trials]


def search_of(trials: int, *overrides: str, sampler: str = "random") -> Search:
    settings: dict[str, Any] = {"trials": trials, "sampler": {"name": sampler, "seed": 0}, "space": SPACE}
    return read_search(make_search_request(*overrides, **settings))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(studies, "POLL", 0.1)
    folder = tmp_path / "100% of a#b?"  # a project may lie in a folder of any name
    folder.mkdir()
    return folder / "optuna.db"


def test_a_continued_study_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = Bench(tmp_path / "whole.db", search_of(13, sampler="tpe"))  # the first 10 are random
    whole.optimize()
    for trials in (5, 12, 13):
        parts = Bench(tmp_path / "parts.db", search_of(trials, sampler="tpe"))
        parts.optimize()
    assert len(whole.study.trials) == 13
    assert [trial.params for trial in parts.study.trials] == [trial.params for trial in whole.study.trials]


def identity(bench: Bench) -> str:
    return str(bench.study.user_attrs[studies.IDENTITY])


def test_a_study_keeps_its_identity_and_one_of_the_same_name_in_another_file_has_another(
    tmp_path: Path,
) -> None:
    first, again, other = (Bench(tmp_path / file, search_of(2)) for file in ("a.db", "a.db", "b.db"))
    assert identity(first) == identity(again) != identity(other)
    assert first.study.study_name == other.study.study_name


def test_a_study_of_an_older_version_is_known_by_its_name(database: Path) -> None:
    search = search_of(2)
    old = optuna.create_study(storage=sqlite_uri(database, {}), study_name=search.study, direction="maximize")
    old.add_trial(optuna.trial.create_trial(value=0.5))
    assert identity(Bench(database, search)) == hashlib.md5(search.study.encode()).hexdigest()


def test_a_study_that_is_done_runs_no_trial(database: Path) -> None:
    Bench(database, search_of(2)).optimize()
    again = Bench(database, search_of(2))
    again.optimize(lambda *_: pytest.fail("a trial was run"))
    assert again.states() == ["COMPLETE"] * 2


def test_processes_that_share_a_study_do_no_trial_too_many_and_none_twice(database: Path) -> None:
    search, failed = search_of(6), list[BaseException]()

    def work() -> None:
        try:
            Bench(database, search).optimize()
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    bench = Bench(database, search)
    assert bench.states() == ["COMPLETE"] * 6
    assert len({trial.params["learning_rate"] for trial in bench.study.trials}) == 6


def test_a_trial_that_fails_is_made_up_for(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails_once(trial: optuna.Trial, config: Config) -> float:
        if trial.number == 1:
            raise RuntimeError("no memory")
        return score(trial, config)

    bench = Bench(database, search_of(3))
    bench.optimize(fails_once)
    assert bench.states() == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert capsys.readouterr().out == "trial 1 failed: RuntimeError: no memory\n"


def test_a_trial_that_is_pruned_counts(database: Path) -> None:
    def prunes_once(trial: optuna.Trial, config: Config) -> float:
        if trial.number == 1:
            raise optuna.TrialPruned
        return score(trial, config)

    bench = Bench(database, search_of(3))
    bench.optimize(prunes_once)
    assert bench.states() == ["COMPLETE", "PRUNED", "COMPLETE"]


def test_three_failures_in_a_row_end_a_search(database: Path) -> None:
    def fails(_: optuna.Trial, __: Config) -> float:
        raise RuntimeError("no memory")

    bench = Bench(database, search_of(9))
    with pytest.raises(UserError, match="3 trials in a row failed, the last with RuntimeError: no memory"):
        bench.optimize(fails)
    assert bench.states() == ["FAIL"] * 3


def test_failures_that_are_not_in_a_row_do_not_end_a_search(database: Path) -> None:
    def fails_often(trial: optuna.Trial, config: Config) -> float:
        if trial.number in (0, 1, 3, 4):
            raise RuntimeError("no memory")
        return score(trial, config)

    bench = Bench(database, search_of(2))
    bench.optimize(fails_often)
    assert bench.states() == ["FAIL", "FAIL", "COMPLETE", "FAIL", "FAIL", "COMPLETE"]


def test_a_trial_whose_process_was_killed_fails_and_is_made_up_for(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "HEARTBEAT", 1)
    monkeypatch.setattr(studies, "GRACE", 1)
    bench = Bench(database, search_of(2))
    # what a process leaves that is killed after its first sign of life
    storage = optuna.storages.RDBStorage(sqlite_uri(database, {}), heartbeat_interval=1, grace_period=1)
    killed = storage.create_new_trial(storage.get_study_id_from_name(bench.study.study_name))
    storage.set_trial_user_attr(killed, "run", "r1")
    storage.record_heartbeat(killed)
    bench.optimize()
    assert bench.states() == ["FAIL", "COMPLETE", "COMPLETE"]
    assert bench.stale == [{"run": "r1"}]


def test_a_trial_whose_process_on_this_machine_was_killed_is_tried_again_at_once(database: Path) -> None:
    bench = Bench(database, search_of(1))
    killed = bench.study.ask()
    bench.search.at(killed)
    gone = this_process() | {"process_start": "of another one"}
    killed.set_user_attr("process", gone)
    point = dict(killed.params)
    bench.optimize()
    assert bench.states() == ["FAIL", "COMPLETE"]
    assert bench.study.trials[1].params == point
    assert bench.stale == [{"process": gone}]


def test_a_process_that_others_took_for_killed_goes_on_with_another_trial(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench, other = Bench(database, search_of(3)), Bench(database, search_of(3))

    def stalls_twice(trial: optuna.Trial, config: Config) -> float:
        if trial.number < 2:
            other.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if trial.number == 0:
            trial.report(0.5, 1)
        return score(trial, config)

    bench.optimize(stalls_twice)
    assert bench.states() == ["FAIL", "FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]
    line = "another process took this one for killed, and tries its trial again\n"
    assert capsys.readouterr().out == 2 * line


def test_a_trial_whose_process_was_killed_while_it_asked_for_it_is_made_up_for(database: Path) -> None:
    bench = Bench(database, search_of(1))
    bench.study.ask()
    bench.optimize()
    assert bench.states() == ["FAIL", "COMPLETE"]


def test_a_trial_that_takes_long_in_another_process_is_waited_for(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "HEARTBEAT", 1)
    monkeypatch.setattr(studies, "GRACE", 2)
    started = threading.Event()

    def slow(_: optuna.Trial, __: Config) -> float:
        started.set()
        time.sleep(4)  # twice as long as a process may be silent
        return 0.5

    bench, other = Bench(database, search_of(1)), Bench(database, search_of(1))
    working = threading.Thread(target=other.optimize, args=(slow,))
    working.start()
    assert started.wait(timeout=60)
    bench.optimize(lambda *_: pytest.fail("the trial was done twice"))
    assert bench.states() == ["COMPLETE"]
    assert bench.stale == []
    working.join()


def test_a_study_of_another_experiment_is_refused(database: Path) -> None:
    Bench(database, search_of(1, "study=mine"))
    Bench(database, search_of(99, "study=mine", "threads=1"))
    with pytest.raises(UserError, match=r"^study: mine searches another space or another experiment"):
        Bench(database, search_of(1, "study=mine", "epochs=9"))
