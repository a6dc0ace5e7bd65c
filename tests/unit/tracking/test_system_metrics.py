"""What MLflow sees of the machine is recorded as everything else is."""

import time

import mlflow
import pytest

from digits.tracking import runs, system_metrics
from digits.tracking.system_metrics import system_metrics_of
from support import metric_points, recorded_runs

pytestmark = pytest.mark.usefixtures("recording")


@pytest.fixture
def quick_samples(recording: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recording  # which switches them off
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")


def record_for(seconds: float) -> dict[str, float]:
    """Record a run that lasts `seconds`, and return its metrics."""
    with runs.run("sampled") as recording, system_metrics_of(recording):
        time.sleep(seconds)
    (run,) = recorded_runs()
    return dict(run.data.metrics)


@pytest.mark.usefixtures("quick_samples")
def test_samples_are_recorded_without_asking_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = mlflow.MlflowClient.get_run
    calls: list[str] = []

    def get_run(client: mlflow.MlflowClient, run_id: str) -> mlflow.entities.Run:
        calls.append(run_id)
        return asked(client, run_id)

    monkeypatch.setattr(mlflow.MlflowClient, "get_run", get_run)
    metrics = record_for(0.5)
    assert 0 <= metrics["system/cpu_utilization_percentage"] <= 100
    assert len(calls) == 1  # when the run ends


@pytest.mark.usefixtures("quick_samples")
def test_steps_are_seconds_since_the_run_was_begun_also_if_it_goes_on_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system_metrics, "seconds_since", lambda _: 90)
    record_for(0.3)
    (run,) = recorded_runs()
    steps = {step for step, _ in metric_points(run.info.run_id, "system/cpu_utilization_percentage")}
    assert steps == {90}


def test_without_mlflows_switch_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    assert record_for(0.2) == {}
