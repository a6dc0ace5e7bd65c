"""Each benchmark runs to its end on few images. What it prints then is no measurement."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

Run = Callable[..., str]


def test_bench_measures_the_plain_script_and_a_preset(run_benchmark: Run, checkout: Path) -> None:
    output = run_benchmark("bench", "sprint", "--seeds", "1", "--epochs", "1", "--data", "sample")
    rows = json.loads((checkout / "outputs/bench/results.json").read_text())["rows"]
    assert [(row["name"], row["seed"], row["epochs"]) for row in rows] == [
        ("plain script", 0, 1),
        ("sprint", 0, 1),
    ]
    assert [row["parameters"] for row in rows] == [542_230, 17_902]
    assert all(row["test_accuracy"] > 0.5 for row in rows)
    assert "| sprint | 17,902 | 1 |" in output
    assert (checkout / "outputs/bench/accuracy.png").stat().st_size > 1000


def test_pipeline_measures_dvc_repro_from_nothing_and_with_nothing_to_do(run_benchmark: Run) -> None:
    output = run_benchmark("pipeline", "--rounds", "1", "--idle-rounds", "1", "data=sample", "epochs=1")
    found = dict(re.findall(r"^\| (dvc repro [^|]*) \| ([\d.]+) \(.*\) \| 1 \|$", output, re.MULTILINE))
    from_nothing, to_version, to_status = map(float, found.values())
    assert from_nothing > 1
    assert to_version > 1
    assert to_status > 0


def test_launchers_compares_two_sweeps_of_the_same_models(run_benchmark: Run) -> None:
    output = run_benchmark("launchers", "--seeds", "1", "data=sample", "model=small", "recipe=sprint")
    assert re.search(r"^\| joblib, 2 workers of 1 thread \| \d+ \| [\d.]+ \|$", output, re.MULTILINE)
    assert "joblib's models are those trained in turn, to the bit" in output


def test_epochs_compares_two_checkouts(run_benchmark: Run) -> None:
    short = ["--presets", "sprint", "--rounds", "1", "--epochs", "2", "--images", "500"]
    output = run_benchmark("epochs", ".", *short)
    assert re.search(r"^\| sprint \| [\d.]+ \(.*\) \| 1 \|$", output, re.MULTILINE)


def test_engine_compares_tensorflow_with_what_another_python_measures(
    run_benchmark: Run, tmp_path: Path
) -> None:
    python = tmp_path / "python"  # PyTorch is not installed here
    python.write_text('#!/bin/sh\ncase $1 in -c) echo 2.0;; *) echo "[9, 1e-9]";; esac\n')
    python.chmod(0o755)
    short = ["--rounds", "1", "--epochs", "2", "--images", "500"]
    output = run_benchmark("engine", str(python), *short)
    assert "torch 2.0" in output
    ratio = re.search(r"in TensorFlow, to PyTorch's: ([\d.]+)", output)
    assert ratio
    assert float(ratio[1]) > 1e6  # the first epoch does not count


def test_scale_measures_a_store_at_each_size(run_benchmark: Run) -> None:
    output = run_benchmark("scale", "1", "12")
    assert "| seconds to | 1 runs | 12 runs | ratio |" in output
    measured = re.findall(r"^\| ([^|]*) \| [\d.]+ \| [\d.]+ \| [\d.]+ \|$", output, re.MULTILINE)
    assert measured == ["record a run", "python src/compare.py", "read and rank all runs", "first page"]


def test_recorders_lets_processes_record_at_once_and_finds_every_run(run_benchmark: Run) -> None:
    output = run_benchmark("recorders", "--processes", "2", "--seconds", "0")
    assert re.search(r"^2 processes recorded \d+ runs in .* nothing is missing", output, re.MULTILINE)
    assert re.search(r"^the server used [\d.]+ processors", output, re.MULTILINE)


def test_reliability_measures_the_cost_of_records_and_the_end_after_an_interrupt(run_benchmark: Run) -> None:
    output = run_benchmark("reliability", "--rounds", "1", "data=sample", "model=small", "epochs=3")
    found = dict(re.findall(r"^\| ([^|]+) \| ([\d.]+) \(.*\) \| 1 \|$", output, re.MULTILINE))
    assert list(found) == [
        "with checkpoints, outbox and MLflow, to the training alone",
        "seconds from Ctrl-C to the end",
    ]
    assert all(float(value) > 0 for value in found.values())


def test_pictures_compares_the_fetch_with_keras(run_benchmark: Run) -> None:
    output = run_benchmark("pictures", "--rounds", "1", "--images", "200")
    assert re.search(
        r"^\| fetch of 200 pictures, to Keras reading them \| [\d.]+ \(.*\) \| 1 \|$", output, re.M
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The file of a network that is not trained."""
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="uint8"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    network.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_serving_compares_two_servers_of_the_same_model(run_benchmark: Run, model: Path) -> None:
    output = run_benchmark("serving", "--rounds", "1", "--requests", "3", "--model", str(model))
    found = re.findall(r"^\| (\d+) \| ([^|]+) \| [\d.]+ \| [\d.]+ \| \d+ \|$", output, re.MULTILINE)
    assert [clients for clients, _ in found] == ["1"] * 4 + ["8"] * 4 + ["64"] * 4
    assert [name for _, name in found[:2]] == [
        "mlflow models serve, /invocations with JSON",
        "digits, /invocations with JSON",
    ]
    ratios = re.findall(r"^\| ([^|]+) \| [\d.]+ \(.*\) \| 1 \|$", output, re.MULTILINE)
    assert ratios[0] == "median of one request, /invocations with JSON"
    assert len(ratios) == 6
    assert "| memory, MB: " in output
    assert "| seconds to start: " in output


def test_preparation_measures_each_condition(run_benchmark: Run, model: Path, tmp_path: Path) -> None:
    test = tmp_path / "test.npz"
    np.savez(test, images=np.zeros((5, 28, 28, 1), np.uint8), labels=np.arange(5))
    output = run_benchmark("preparation", "--seeds", "1", "--model", str(model), "--test", str(test))
    found = re.findall(r"^\| (\w+) \| [\d.]+ \| [\d.]+ \| (\d+) \|$", output, re.MULTILINE)
    assert found[0] == ("plain", "10")
    assert found[-1] == ("all", "140")
    assert re.search(r"^MNIST enlarged and pasted: [\d.]+ %; as it is: [\d.]+ %$", output, re.MULTILINE)
