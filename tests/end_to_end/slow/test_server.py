"""A tracking server that goes away during a training: for some epochs, and for good."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from faulty_proxy import FAULTS, faulty_proxy
from project import Project, find_runs, read_until
from support import free_port

EPOCHS = 80  # of a tenth of a second
TRAIN = ("python", "src/train.py", "model=small", f"epochs={EPOCHS}", "out=trained")
EVALUATE = ("python", "src/evaluate.py", "model_file=trained/models/model.keras", "out=tested")


@pytest.fixture
def team(project: Project, tmp_path: Path) -> Iterator[int]:
    """The port of a tracking server. Clients of this project wait less long for it than usual."""
    project.edit("src/digits/tracking/recording.py", "LAST_WAIT = 20", "LAST_WAIT = 3")
    project.environment |= {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "1",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    }
    (tmp_path / "server").mkdir()
    port = free_port()
    with project.server(tmp_path / "server", port):
        yield port


def check_complete(project: Project, folder: Path) -> None:
    """Fail unless the server in `folder` has one run, with each epoch and the model once, and its scores, and
    nothing waits for it any more."""
    assert list((project.root / "outbox").iterdir()) == []
    client = MlflowClient(f"sqlite:///{folder / 'team.db'}")
    (run,) = find_runs(client)
    assert run.info.status == "FINISHED"
    assert "error" not in run.data.tags
    assert run.outputs is not None
    assert len(run.outputs.model_outputs) == 1
    assert "test_accuracy" in run.data.metrics
    for metric in ("loss", "val_accuracy", "seconds"):
        steps = [point.step for point in client.get_metric_history(run.info.run_id, metric)]
        assert steps == list(range(1, EPOCHS + 1))
    assert (
        folder / "artifacts" / run.info.experiment_id / run.info.run_id / "artifacts/history.csv"
    ).exists()
    models = folder / "artifacts" / run.info.experiment_id / "models"
    assert len(list(models.glob("*/artifacts/data/model.keras"))) == 1


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "drips"])
def test_a_training_neither_waits_for_a_server_that_goes_away_nor_is_lost_with_it(
    fault: str, project: Project, team: int, tmp_path: Path
) -> None:
    with faulty_proxy(team) as proxy:
        project.environment["MLFLOW_TRACKING_URI"] = proxy.address
        with project.started(*TRAIN) as training:
            read_until(training, "epoch 2/")
            proxy.fault = fault
            output = read_until(training, "does not take what is recorded", "epoch 40/")
            proxy.fault = ""
            output += read_until(training, "is back")
            proxy.fault = fault
            output += training.communicate()[0]
        check_trained(training.returncode, output)
        assert output.count("does not take what is recorded") == 2  # of some forty epochs that went on
        assert output.count("is back") == 1
        # it is known that the server is away
        output = project.run(*EVALUATE)
        assert "what is recorded waits until it is back" in output
        assert "test accuracy" in output
        refused = project.run("python", "src/sync.py", code=1)
        assert refused.count("\n") == 1, refused
        proxy.fault = ""
        assert "recorded what waited in outbox/\n" in project.run("python", "src/sync.py")
        assert "nothing waits for" in project.run("python", "src/sync.py")
    check_complete(project, tmp_path / "server")


def test_a_training_does_not_wait_for_a_server_that_takes_seconds_for_an_answer(
    project: Project, team: int, tmp_path: Path
) -> None:
    with faulty_proxy(team) as proxy:
        project.environment["MLFLOW_TRACKING_URI"] = proxy.address
        with project.started(*TRAIN) as training:
            read_until(training, "epoch 2/")
            proxy.fault = "drips"
            read_until(training, f"epoch {EPOCHS - 1}/")
            requests = proxy.faults
            output, _ = training.communicate()
        check_trained(training.returncode, output)
        assert requests < EPOCHS / 2  # an epoch that waited would have a request of its own, or more
        proxy.fault = ""
        project.run(*EVALUATE)  # the next command
    check_complete(project, tmp_path / "server")


def check_trained(code: int, output: str) -> None:
    """Fail unless a training came to its end although its record could not be delivered."""
    assert code == 0, output
    assert f"epoch {EPOCHS}/{EPOCHS}" in output
    assert "the next command or `make sync` delivers it" in output
    assert "Traceback" not in output


def test_a_sweep_whose_server_goes_away_trains_all_and_is_ranked_once_the_server_is_back(
    project: Project, team: int, tmp_path: Path
) -> None:
    sweep = ("python", "src/experiment.py", "-m", "model=small", "epochs=3", "seed=0,1,2")
    with faulty_proxy(team) as proxy:
        project.environment["MLFLOW_TRACKING_URI"] = proxy.address
        with project.started(*sweep) as started:
            read_until(started, "epoch 3/")
            proxy.fault = "error 500"
            output, _ = started.communicate()
        assert started.returncode == 1
        assert output.count("test accuracy") == 3, output
        assert "once it is back, the same command with resume=true ranks the trials" in output
        assert "Traceback" not in output
        proxy.fault = ""
        output = project.run(*sweep, "resume=true")
        assert "3 of 3 trials are finished already" in output
        assert "best by validation accuracy" in output
    runs = find_runs(MlflowClient(f"sqlite:///{tmp_path / 'server/team.db'}"))
    assert len(runs) == 4
    assert {run.info.status for run in runs} == {"FINISHED"}
