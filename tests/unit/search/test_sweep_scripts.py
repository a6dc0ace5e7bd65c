"""Which scripts record a sweep as a whole, and one real sweep."""

from pathlib import Path

import mlflow
import pytest

from digits import cli
from digits.config.request import Request
from digits.config.schema import Config
from digits.search import sweep as sweeps
from digits.tracking import runs
from support import call_command, make_splits, recorded_runs, run_script

pytestmark = pytest.mark.usefixtures("place")
OVERRIDES = ("data=sample", "split_seed=0", "validation=0.1", "recipe=onecycle", "epochs=2", "batch_size=20")


def record(request: Request[Config]) -> float:
    """Record a run without a training."""
    with runs.training_run(request, make_splits(), {}) as recorded:
        recorded.log_metrics({"val_accuracy": 0.5, "test_accuracy": 0.5})
    return 0.5


def parents() -> list[mlflow.entities.Run]:
    return recorded_runs("tags.sweep_key != ''")


def test_a_sweep_has_a_parent() -> None:
    call_command(lambda: cli.run(record, Config, (), sweep=sweeps.sweep), "-m", *OVERRIDES, "seed=0,1")
    assert [trial.data.params["seed"] for trial in recorded_runs("params.seed != ''")] == ["0", "1"]
    assert len(parents()) == 1


def test_a_stage_has_no_sweep() -> None:
    message = str(run_script("train.py", "-m", *OVERRIDES, "seed=0,1"))
    assert message == "error: -m: this command makes one run; python src/experiment.py -m makes a sweep"
    assert recorded_runs() == []


def test_a_trial_that_needs_too_much_memory_fails_and_another_is_trained_and_scored() -> None:
    words = (*OVERRIDES, "threads=2", "model=tutorial", "model.units=1000000000000,8", "seed=2")
    message = str(run_script("experiment.py", "-m", *words))
    trials = {trial.data.params["model.units"]: trial for trial in recorded_runs("params.model != ''")}
    assert {units: trial.info.status for units, trial in trials.items()} == {
        "1000000000000": "FAILED",
        "8": "FINISHED",
    }
    assert "ResourceExhausted" in trials["1000000000000"].data.tags["error"]
    assert {"val_accuracy", "test_accuracy"} <= set(trials["8"].data.metrics)
    (parent,) = parents()
    assert parent.data.metrics["best_val_accuracy"] == trials["8"].data.metrics["val_accuracy"]
    assert message.startswith("error: 1 of 2 trials failed; the first, ")
    assert "\n" not in message
    models = sorted(file.parts[-3] for file in Path().glob("outputs/*/*/*/models/model.keras"))
    assert models == ["1"]
