"""src/summary.py: what came of an experiment."""

import pytest

from digits.base.errors import UserError
from digits.experiment.summary import summarize
from digits.tracking import runs
from digits.tracking.address import shown, tracking_uri
from support import DIGEST, SMALL, make_request, make_splits, run_script

pytestmark = pytest.mark.usefixtures("recording")


def record(test_accuracy: float, *overrides: str) -> str:
    """Record a run that was trained and scored, and return its id."""
    with runs.training_run(make_request(*overrides), make_splits(), {}) as recorded:
        recorded.log_metrics({"test_accuracy": test_accuracy})
        recorded.log_params({"parameters": 1234})
    return recorded.run_id


def test_the_newest_run_of_the_experiment_is_summarized(capsys: pytest.CaptureFixture[str]) -> None:
    record(0.5)
    run_id = record(0.9876)
    record(0.7, "seed=1")
    summarize(make_request().config)
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.strip())
    assert rows["data"].strip() == f"sample, digest {DIGEST[:12]}"
    assert rows["model"].strip() == "compact, 1234 parameters"
    assert rows["recipe"].strip() == "onecycle, 2 epochs"
    assert rows["test"].split() == ["accuracy", "98.76%"]
    assert run_id in rows["run"]
    assert shown(tracking_uri()) in rows["recorded"]
    assert rows["look"].split() == ["at", "it", "make", "ui"]


def test_an_experiment_without_a_run_is_refused_with_which_and_what_to_do() -> None:
    record(0.5, "seed=1")
    with pytest.raises(UserError) as refusal:
        summarize(make_request().config)
    assert str(refusal.value) == (
        "no run of data=sample model=compact recipe=onecycle seed=0 with these values is in "
        f"{shown(tracking_uri())}; if DVC has its results in the cache, `dvc repro --force` runs it again"
    )


def test_the_script_summarizes_what_its_overrides_say(capsys: pytest.CaptureFixture[str]) -> None:
    record(0.9876, "seed=5")
    assert run_script("summary.py", *SMALL, "seed=5") is None
    assert "98.76%" in capsys.readouterr().out
    message = str(run_script("summary.py", *SMALL, "seed=6"))
    assert message.startswith("error: no run of data=sample model=compact recipe=onecycle seed=6 ")
    assert "\n" not in message
