"""src/summary.py: what came of an experiment."""

from pathlib import Path

import pytest

from digits.base.errors import UserError
from digits.experiment.summary import summarize, summarize_recorded
from digits.tracking import pages, runs
from digits.tracking.address import shown, tracking_uri
from digits.tracking.recording import Recording
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
    *lines, _, address, _ = capsys.readouterr().out.splitlines()
    rows = cells(lines)
    assert rows.pop("files").endswith(f"/{run_id}/artifacts")
    assert rows == {
        "data": f"sample, digest {DIGEST[:12]}",
        "model": "compact, 1,234 parameters",
        "recipe": "onecycle, 2 epochs",
        "test accuracy": "98.76%",
        "run": runs.run_name(make_request()),
        "run id": run_id,
        "recorded in": shown(tracking_uri()),
    }
    assert address == pages.run("http://127.0.0.1:5000", run_id)


def cells(lines: list[str]) -> dict[str, str]:
    """Return the rows of the summary."""
    return {line[:15].strip(): line[15:] for line in lines if line[14:15] == " "}


@pytest.fixture
def recorded() -> Recording:
    """What a command has recorded."""
    with runs.training_run(make_request(), make_splits(), {}) as recording:
        recording.log_metrics({"val_accuracy": 0.9})
    return recording


def test_a_command_ends_with_where_its_files_and_its_run_are(
    recorded: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    summarize_recorded(make_request(out=Path.cwd() / "outputs/now"), recorded)
    rows = cells(capsys.readouterr().out.splitlines())
    assert (rows["files"], rows["val accuracy"]) == ("outputs/now", "90.00%")
    assert rows["run id"] == recorded.run_id


def test_if_the_store_went_away_the_summary_says_where_the_files_are(
    recorded: Recording, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recording, "delivered", False)
    summarize_recorded(make_request(out=Path("outputs/now")), recorded)
    assert capsys.readouterr().out == "\nfiles          outputs/now\n\n"


def test_a_trial_and_a_stage_have_no_summary(
    recorded: Recording, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    summarize_recorded(make_request().with_options(parent_run="0"), recorded)
    monkeypatch.setenv("DVC_STAGE", "train")
    summarize_recorded(make_request(), recorded)
    assert capsys.readouterr().out == ""


def test_an_experiment_without_a_run_is_refused_with_which_and_what_to_do() -> None:
    record(0.5, "seed=1")
    with pytest.raises(UserError) as refusal:
        summarize(make_request().config)
    assert str(refusal.value) == (
        "no run of data=sample model=compact recipe=onecycle seed=0 with these values is in "
        f"{shown(tracking_uri())}; python src/experiment.py with the same overrides records one"
    )


def test_the_script_summarizes_what_its_overrides_say(capsys: pytest.CaptureFixture[str]) -> None:
    record(0.9876, "seed=5")
    assert run_script("summary.py", *SMALL, "seed=5") is None
    assert "98.76%" in capsys.readouterr().out
    message = str(run_script("summary.py", *SMALL, "seed=6"))
    assert message.startswith("error: no run of data=sample model=compact recipe=onecycle seed=6 ")
    assert "\n" not in message
