"""Sweeps, as the command line starts them, in this process. Most trials record a run and train nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import mlflow
import pytest

from digits import cli
from digits.base import paths
from digits.config.request import Request
from digits.config.schema import Config
from digits.data import archive
from digits.data.splits import Splits
from digits.search.sweep import sweep
from digits.tracking import runs
from support import call_command, make_request, make_splits, recorded_runs

if TYPE_CHECKING:
    from mlflow.entities import Run

pytestmark = pytest.mark.usefixtures("place")
OVERRIDES = ("data=sample", "split_seed=0", "validation=0.1", "recipe=onecycle", "epochs=2", "batch_size=20")
ON_SMALL = ("-m", *OVERRIDES, "model=compact", "model.filters=[4,8]")
Command = Callable[[Request[Config]], float]


def recorder(failing: Collection[int] = (), stopping: Collection[int] = ()) -> Command:
    """Return a command that records a run, whose validation accuracy is the dropout and a hundredth of the
    seed. It fails with some seeds and is interrupted with others."""

    def record(request: Request[Config]) -> float:
        accuracy: float = request.config.model.arguments["dropout"] + request.config.seed / 100
        with runs.training_run(request, make_splits(), {}) as recorded:
            if request.config.seed in failing:
                raise RuntimeError("no\nmemory")
            if request.config.seed in stopping:
                raise KeyboardInterrupt
            recorded.log_metrics({"val_accuracy": accuracy, "test_accuracy": 1 - accuracy})
        return accuracy

    return record


def run_sweep(*words: str, command: Command | None = None) -> str | int | None:
    """Sweep the command. Return what it exits with."""
    return call_command(
        lambda: cli.run(command or recorder(), Config, ("resume",), sweep=sweep), *ON_SMALL, *words
    )


def parents() -> list[Run]:
    return recorded_runs("tags.sweep_key != ''")


def seeds_and_status() -> list[tuple[str, str]]:
    """Return the seed and the status of each trial of the only sweep, in their order."""
    (parent,) = parents()
    trials = recorded_runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    return [(trial.data.params["seed"], trial.info.status) for trial in trials]


def test_a_sweep_is_a_parent_with_a_child_for_each_trial() -> None:
    assert run_sweep("model.dropout=0.1,0.5", "seed=0,1") is None
    (parent,) = parents()
    trials = recorded_runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name.startswith("sweep model.dropout=0.1,0.5 seed=0,1 batch_size=20 data=sample ")
    assert [(trial.data.params["model.dropout"], trial.data.params["seed"]) for trial in trials] == [
        ("0.1", "0"),
        ("0.1", "1"),
        ("0.5", "0"),
        ("0.5", "1"),
    ]
    assert {trial.info.status for trial in trials} == {"FINISHED"}
    assert all(trial.data.tags["sweep"] == parent.info.run_id for trial in trials)
    assert len(recorded_runs()) == 5


def test_the_name_of_a_trial_is_what_differs_among_the_trials() -> None:
    run_sweep("model.dropout=0.1,0.5", "seed=0,1")
    names = [run.info.run_name for run in recorded_runs("params.model != ''")]
    assert names == ["dropout=0.1 seed=0", "dropout=0.1 seed=1", "dropout=0.5 seed=0", "dropout=0.5 seed=1"]


def test_the_parent_has_what_was_swept_and_what_all_trials_share_and_no_filter_for_runs_finds_it() -> None:
    run_sweep("model.dropout=0.1,0.5")
    (parent,) = parents()
    params = parent.data.params
    assert params["trials"] == "2"
    assert "model.dropout=0.1,0.5" in params["sweep"]
    assert (params["shared.data"], params["shared.model.filters"]) == ("sample", "[4, 8]")
    assert "shared.model.dropout" not in params
    assert all(key in ("trials", "sweep") or key.startswith("shared.") for key in params)


def test_trials_are_ranked_by_their_mean_validation_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    run_sweep("model.dropout=0.1,0.5", "seed=1,3")
    printed = capsys.readouterr().out
    rows = [line.split() for line in printed.splitlines() if "±" in line]
    assert [row[:5] for row in rows] == [
        ["1", "0.5", "2", "0.5200", "±"],
        ["2", "0.1", "2", "0.1200", "±"],
    ]
    (parent,) = parents()
    assert parent.data.metrics["best_val_accuracy"] == pytest.approx(0.52)
    assert parent.data.metrics["best_test_accuracy"] == pytest.approx(0.48)
    kept = {file.path for file in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
    assert kept == {"ranking.csv", "ranking.md", "ranking.png"}
    note = parent.data.tags["mlflow.note.content"]
    assert note.startswith(
        "Best of 2 configurations in 4 runs: `dropout=0.5` with val_accuracy 0.5200 ± 0.0141, "
        "test_accuracy 0.4800 ± 0.0141 (2 runs). "
    )
    command = (
        "dvc exp run --temp -S data=sample -S model=compact -S recipe=onecycle -S optimizer=sgd "
        "-S schedule=onecycle -S epochs=2 -S batch_size=20 -S learning_rate=0.2 -S seed=1 -S split_seed=0 "
        '-S validation=0.1 -S \'overrides=["model.filters=[4,8]", "model.dropout=0.5"]\''
    )
    assert note.endswith(f"To repeat it: `{command}`")
    assert f"to repeat it: {command}\n" in printed
    assert f"make ui SWEEP={parent.info.run_id}\n" in printed


def test_a_failing_trial_is_marked_and_the_others_go_on() -> None:
    message = run_sweep("seed=0,1,2", command=recorder(failing=[1]))
    assert seeds_and_status() == [("0", "FINISHED"), ("1", "FAILED"), ("2", "FINISHED")]
    (failed,) = recorded_runs("attributes.status = 'FAILED'")
    assert failed.data.tags["error"] == "RuntimeError: no\nmemory"
    words = " ".join([*ON_SMALL[1:], "seed=1"])
    assert message == (
        f"error: 1 of 3 trials failed; the first, {words}, with RuntimeError: no memory; "
        "resume=true runs them again"
    )


def test_a_sweep_in_which_everything_fails_has_no_ranking() -> None:
    message = run_sweep("seed=0,1", command=recorder(failing=[0, 1]))
    assert str(message).startswith("error: 2 of 2 trials failed; ")
    (parent,) = parents()
    assert parent.data.metrics == {}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["epoch=1,2"], "epoch: unknown key; the keys are data, model, "),
        (["seed=0,1", "epochs=1,0"], "epochs: input should be greater than 0 or auto, not 0 (command line)"),
        (["model=compact,nope"], "model: no preset nope in conf/model/"),
        (["seed=0,1", "model.dropout=0.5,2"], "model.dropout: input should be less than 1, not 2"),
        (["seed=0,1", "validation=0.1,0.2"], "validation: asked for 0.2, but"),
        (
            ["seed=0,1", "validation=0.1,0"],
            "validation: a sweep ranks its trials by validation accuracy; set",
        ),
        (["seed=5,6", "resume=true"], "resume: no sweep of these overrides is in /"),
    ],
)
def test_a_wrong_trial_is_refused_in_one_line_before_any_starts(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = str(run_sweep(*words, command=lambda _: pytest.fail("a trial was started")))
    assert message.startswith(f"error: {complaint}")
    assert "\n" not in message
    assert capsys.readouterr().out == ""
    assert recorded_runs() == []


def test_an_interrupted_sweep_is_killed_and_starts_no_more_trials() -> None:
    assert run_sweep("seed=0,1,2", command=recorder(stopping=[1])) == 130
    assert seeds_and_status() == [("0", "FINISHED"), ("1", "KILLED")]
    assert [parent.info.status for parent in parents()] == ["KILLED"]


def test_trials_on_other_data_are_not_taken_for_finished() -> None:
    assert run_sweep("seed=0,1") is None
    config = make_request().config
    prepared = archive.load(config, paths.PREPARED, "train", "validation", "test")
    archive.save(Splits(prepared.by_name, "other", prepared.classes), config, paths.PREPARED)
    assert run_sweep("seed=0,1", "resume=true") is None
    assert seeds_and_status() == [("0", "FINISHED"), ("1", "FINISHED")] * 2


def test_a_sweep_that_is_resumed_repeats_no_finished_trial(capsys: pytest.CaptureFixture[str]) -> None:
    run_sweep("seed=0,1,2,3", command=recorder(failing=[0], stopping=[2]))
    capsys.readouterr()
    assert run_sweep("seed=0,1,2,3", "resume=true") is None
    first, resumed = seeds_and_status()[:3], seeds_and_status()[3:]
    assert first == [("0", "FAILED"), ("1", "FINISHED"), ("2", "KILLED")]
    assert resumed == [("0", "FINISHED"), ("2", "FINISHED"), ("3", "FINISHED")]
    assert [parent.info.status for parent in parents()] == ["FINISHED"]
    printed = capsys.readouterr().out
    assert printed.startswith("1 of 4 trials are finished already\n")
    assert "to repeat it: " in printed


@pytest.mark.parametrize(
    "words",
    [["threads=1"], ["threads=3"], ["hydra.sweep.subdir=other"], ["hydra/launcher=basic"]],
)
def test_a_sweep_that_is_resumed_can_be_computed_in_another_way(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run_sweep("seed=0,1")
    run_sweep(*words, "seed=0,1", "resume=true", command=lambda _: pytest.fail("a trial was repeated"))
    assert seeds_and_status() == [("0", "FINISHED"), ("1", "FINISHED")]
    assert "2 of 2 trials are finished already" in capsys.readouterr().out
