"""Training and evaluation as one recorded run."""

import json
from pathlib import Path

import pytest

from digits.experiment import run
from support import make_request, metric_points, recorded_runs


@pytest.mark.usefixtures("recording", "prepare")
def test_one_run_has_everything_from_the_configuration_to_the_test_scores(tmp_path: Path) -> None:
    accuracy = run.train_and_evaluate(make_request(out=tmp_path / "out"))
    (recorded,) = recorded_runs()
    assert recorded.info.status == "FINISHED"
    assert recorded.data.metrics["val_accuracy"] == accuracy
    scores = json.loads((tmp_path / "out/reports/metrics.json").read_text())
    assert recorded.data.metrics["test_accuracy"] == scores["test_accuracy"]
    assert [step for step, _ in metric_points(recorded.info.run_id, "val_loss")] == [1, 2]
