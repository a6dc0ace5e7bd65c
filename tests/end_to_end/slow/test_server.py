"""A tracking server that goes away during a training: for some epochs, and for good."""

import os
import signal
from pathlib import Path

from mlflow import MlflowClient

from project import Project, find_runs, free_port, read_until

EPOCHS = 150  # of a tenth of a second


def test_a_training_neither_waits_for_a_server_that_hangs_nor_is_lost_with_it(
    project: Project, tmp_path: Path
) -> None:
    project.edit("src/digits/tracking/sender.py", "LAST_WAIT = 60", "LAST_WAIT = 2")
    port, folder = free_port(), tmp_path / "server"
    folder.mkdir()
    project.environment |= {
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "1",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    }
    train = ("python", "src/train.py", "model=small", f"epochs={EPOCHS}")
    with project.server(folder, port) as server, project.started(*train, "out=first") as training:
        read_until(training, "epoch 2/")
        os.killpg(server.pid, signal.SIGSTOP)
        hung = read_until(training, "does not take epoch", "epoch 60/")
        os.killpg(server.pid, signal.SIGCONT)
        read_until(training, "is back")
        os.killpg(server.pid, signal.SIGKILL)
        output, _ = training.communicate()
        assert hung.count("does not take epoch") == 1  # of some sixty that went on without it
    assert training.returncode == 1
    assert f"epoch {EPOCHS}/{EPOCHS}" in output
    assert "the same command sends them" in output
    assert "Traceback" not in output
    assert not (project.root / "first/models").exists()

    with project.server(folder, port):
        output = project.run(*train, "out=second")
        assert f"goes on after epoch {EPOCHS} of {EPOCHS}" in output
    client = MlflowClient(f"sqlite:///{folder / 'team.db'}")
    (run,) = find_runs(client)
    assert run.info.status == "FINISHED"
    assert run.outputs is not None
    assert len(run.outputs.model_outputs) == 1
    for metric in ("loss", "val_accuracy", "seconds"):
        steps = [point.step for point in client.get_metric_history(run.info.run_id, metric)]
        assert steps == list(range(1, EPOCHS + 1))
    assert (project.root / "second/models/model.keras").exists()
