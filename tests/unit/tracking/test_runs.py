import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml

from conftest import ROOT
from digits import files, tracking
from digits.config import Config, parse
from digits.data import Split
from digits.training import Epoch

MakeSplit = Callable[[int], Split]


def compose(**changes: Any) -> Config:
    presets: dict[str, str | None] = {"data": "sample", "model": "compact", "recipe": "onecycle"}
    composed = {
        group: yaml.safe_load((ROOT / f"conf/{group}/{name}.yaml").read_text())
        for group, name in presets.items()
    }
    card = {"seed": 0, "split_seed": 0, "validation": 0.1, "epochs": "auto", "batch_size": "auto"}
    return parse(
        composed
        | card
        | {"learning_rate": 0.5, "threads": 2, "model_file": "m.keras", "resume": False}
        | changes,
        presets,
    )


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "model.keras"
    file.write_bytes(b"weights")
    return file


def runs() -> list[mlflow.entities.Run]:
    found: list[mlflow.entities.Run] = mlflow.search_runs(
        experiment_names=["digits"], output_format="list", order_by=["attributes.start_time ASC"]
    )
    return found


def trained(model_file: Path, config: Config, split: Split) -> str:
    with tracking.training_run(config, {"train": split}) as run_id:
        mlflow.set_tag("model_md5", files.md5(model_file))
    return run_id


def test_parameters_are_the_card_and_the_presets_flattened() -> None:
    parameters = tracking.parameters(compose(epochs=3))
    assert parameters == {
        "data": "sample",
        "model": "compact",
        "recipe": "onecycle",
        "seed": 0,
        "split_seed": 0,
        "validation": 0.1,
        "epochs": 3,
        "batch_size": 100,
        "learning_rate": 0.5,
        "threads": 2,
        "model.network": "compact",
        "model.filters": [16, 48, 96],
        "model.first_layer": "learnt",
        "model.dropout": 0.3,
        "recipe.optimizer.name": "sgd",
        "recipe.optimizer.momentum": 0.9,
        "recipe.schedule.name": "onecycle",
        "recipe.schedule.warmup": 0.3,
        "recipe.selection.name": "hardest",
        "recipe.selection.after": 2,
        "recipe.selection.share": 0.34,
        "recipe.selection.random": 0.3,
        "recipe.weight_decay": 0.002,
        "recipe.label_smoothing": 0.05,
        "recipe.shift": 1,
        "recipe.rotation": 8,
        "recipe.scaling": 0.08,
    }


def test_run_names_tell_configurations_apart() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"epochs": 9},
        {"batch_size": 8},
        {"learning_rate": 0.1},
    ]
    assert len({tracking.run_name(compose(**change)) for change in changes}) == len(changes)


@pytest.mark.parametrize(
    ("error", "status"), [(None, "FINISHED"), (RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_a_run_ends_as_what_it_was(
    make_split: MakeSplit, error: type[BaseException] | None, status: str
) -> None:
    expected = pytest.raises(error) if error else contextlib.nullcontext()
    with expected, tracking.training_run(compose(), {"train": make_split(20)}):
        if error:
            raise error("the reason")
    (run,) = runs()
    assert run.info.status == status
    assert ("the reason" in run.data.tags.get("error", "")) == (error is not None)


def test_epochs_are_steps(make_split: MakeSplit) -> None:
    with tracking.training_run(compose(), {"train": make_split(20)}) as run_id:
        for n in (1, 2, 3):
            tracking.log_epoch(Epoch(n, 0.9, 0.1, None, None, 0.05, 1.5))
    history = mlflow.MlflowClient().get_metric_history(run_id, "accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.9), (2, 0.9), (3, 0.9)]
    assert "val_accuracy" not in runs()[0].data.metrics


def test_data_sets_are_recorded_with_their_digests(make_split: MakeSplit) -> None:
    splits = {"train": make_split(30), "validation": make_split(0)}
    with tracking.training_run(compose(), splits):
        pass
    (run,) = runs()
    assert run.inputs is not None
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.digest == make_split(30).digest()
    assert used.dataset.name == "sample train"


def test_evaluation_continues_the_run_that_trained_the_file(make_split: MakeSplit, model_file: Path) -> None:
    other = model_file.with_name("other.keras")
    other.write_bytes(b"others")
    run_id = trained(model_file, compose(), make_split(20))
    trained(other, compose(seed=1), make_split(20))
    with tracking.evaluation_run(compose(), model_file, make_split(10)) as continued:
        tracking.log_metrics({"test_accuracy": 0.5})
    assert continued == run_id
    first, second = runs()
    assert first.data.metrics == {"test_accuracy": 0.5}
    assert first.info.status == "FINISHED"
    assert "test_accuracy" not in second.data.metrics


def test_a_model_that_no_run_trained_gets_a_run_that_says_so(make_split: MakeSplit, model_file: Path) -> None:
    with tracking.evaluation_run(compose(), model_file, make_split(10)):
        tracking.log_metrics({"test_accuracy": 0.5})
    (run,) = runs()
    assert "cache" in run.data.tags["model_from"]
    assert run.data.params["seed"] == "0"


def test_a_run_is_found_by_its_configuration(make_split: MakeSplit, model_file: Path) -> None:
    trained(model_file, compose(), make_split(20))
    assert tracking.find_run(compose()) is None  # not scored yet
    with tracking.evaluation_run(compose(), model_file, make_split(10)) as run_id:
        tracking.log_metrics({"test_accuracy": 0.5})
    found = tracking.find_run(compose())
    assert found is not None
    assert found.run_id == run_id
    assert tracking.find_run(compose(seed=1)) is None


def test_a_model_trained_again_to_the_same_file_has_its_scores(
    make_split: MakeSplit, model_file: Path
) -> None:
    import keras

    model = keras.Sequential([keras.Input((28, 28, 1), dtype="uint8"), keras.layers.Flatten()])
    for _ in range(2):
        with tracking.training_run(compose(), {"train": make_split(20)}):
            tracking.log_model(model, model_file, make_split(20))
        if len(runs()) == 1:
            with tracking.evaluation_run(compose(), model_file, make_split(10)) as scored:
                tracking.log_metrics({"test_accuracy": 0.5, "test_loss": 1.0})
    again = runs()[1]
    assert again.data.metrics == {"test_accuracy": 0.5, "test_loss": 1.0}
    assert again.data.tags["scored_in_run"] == scored


def test_a_run_that_cannot_be_described_is_not_left_running(
    make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "parameters", lambda _: {"no$name": 1})
    with (
        pytest.raises(mlflow.exceptions.MlflowException),
        tracking.training_run(compose(), {"train": make_split(20)}),
    ):
        pass
    assert [run.info.status for run in runs()] == ["FAILED"]
