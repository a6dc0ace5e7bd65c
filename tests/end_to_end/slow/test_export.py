"""An exported model in its own runtime, and the examples of docs/export.md."""

import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digits.learning import model_file
from project import Project
from support import CLASSES, ROOT

Answers = Callable[[Path, Any], Any]
HEADINGS = {"onnx": "ONNX Runtime", "litert": "LiteRT", "saved_model": "SavedModel"}


def run_onnx(file: Path, images: Any) -> Any:
    session = importlib.import_module("onnxruntime").InferenceSession(file)
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == list(CLASSES)
    (probabilities,) = session.run(None, {"images": images})
    return probabilities


def run_litert(file: Path, images: Any) -> Any:
    runner = (
        importlib.import_module("ai_edge_litert.interpreter").Interpreter(str(file)).get_signature_runner()
    )
    (probabilities,) = runner(images=images).values()
    return probabilities


def run_saved_model(folder: Path, images: Any) -> Any:
    model = importlib.import_module("tensorflow").saved_model.load(str(folder))
    return model.signatures["serving_default"](images=images)["output_0"].numpy()


RUNTIMES: dict[str, tuple[Answers, str, tuple[str, ...]]] = {
    "onnx": (run_onnx, "model.onnx", ("tf2onnx", "onnxruntime")),
    "litert": (run_litert, "model.tflite", ("ai_edge_litert",)),
    "saved_model": (run_saved_model, "saved_model", ()),
}


def need_packages(format: str) -> None:
    for module in RUNTIMES[format][2]:
        pytest.importorskip(module, reason=f"needs {module}, which `make export-setup` installs")


@pytest.mark.parametrize("format", RUNTIMES)
def test_an_exported_model_has_the_answers_of_keras_on_the_whole_test_set(
    format: str, finished: Project, tmp_path: Path
) -> None:
    need_packages(format)
    run, name, _ = RUNTIMES[format]
    out = tmp_path / name
    trained = finished.root / "models/model.keras"
    output = finished.run("python", "src/export.py", f"format={format}", f"model={trained}", f"out={out}")
    assert output.startswith(f"model.keras: {out}, ")
    assert output.endswith(", equal to Keras' within 0.0001\n")
    assert output.count("\n") == 1

    images = np.load(finished.root / "data/prepared/test.npz")["images"]
    assert images.shape == (1000, 28, 28, 1)
    expected = model_file.read(trained).model.predict(images, verbose=0)
    for batch in (slice(None), slice(0, 1), slice(17, 20)):
        found = run(out, images[batch])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[batch], rtol=0, atol=1e-4)
        np.testing.assert_array_equal(found.argmax(1), expected[batch].argmax(1))


@pytest.mark.parametrize("format", RUNTIMES)
def test_the_example_of_the_documentation_runs(format: str, finished_copy: Project) -> None:
    need_packages(format)
    text = (ROOT / "docs/export.md").read_text()
    example = re.search(rf"^## {HEADINGS[format]}\n\n```python\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    assert example
    trained = finished_copy.root / "models/model.keras"
    finished_copy.run("python", "src/export.py", f"format={format}", f"model={trained}")
    images = np.load(finished_copy.root / "data/prepared/test.npz")["images"]
    answers = model_file.read(trained).model.predict(images, verbose=0)
    surest = int(answers.max(1).argmax())
    Image.fromarray(images[surest, :, :, 0]).save(finished_copy.root / "digit.png")
    output = finished_copy.run("python", "-c", example[1]).splitlines()[-1]
    assert output.split()[0] == CLASSES[answers[surest].argmax()]
    assert float(output.split()[1]) == pytest.approx(answers[surest].max(), abs=1e-4)
