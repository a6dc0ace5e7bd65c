"""Record how busy the machine is during a run, if MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=true asks for it.

MLflow's switch is off by default. Eight system metrics beside ten of the model would come first in its
lists, and say little about a run of seconds.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from digits.tracking.keys import seconds_since
from digits.tracking.recording import Recording

SAMPLING_SECONDS = "2"  # MLflow's 10 misses short runs


@contextlib.contextmanager
def system_metrics_of(recording: Recording) -> Iterator[None]:
    """Record them during the block, if MLflow's environment variables say so."""
    if not MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get():
        yield
        return
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", SAMPLING_SECONDS)
    monitor = _Monitor(recording)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()


class _Monitor(SystemMetricsMonitor):
    """MLflow's monitor, which would read and write the store itself at each sample. A step is a second since
    the recording was begun."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(run_id=None)  # type: ignore[no-untyped-call]
        self._recording = recording

    def finish(self) -> None:
        self._shutdown_event.set()
        if self._process:
            self._process.join()

    def monitor(self) -> None:
        prefix = f"{self._metrics_prefix}{self.node_id}/" if self.node_id else self._metrics_prefix
        while True:
            for _ in range(self.samples_before_logging):
                self.collect_metrics()
                if self._shutdown_event.wait(self.sampling_interval):
                    return
            sample = {f"{prefix}{name}": value for name, value in self.aggregate_metrics().items()}
            self._recording.log_metrics(sample, seconds_since(self._recording.key), durable=False)
            for each in self.monitors:
                each.clear_metrics()
