"""Exporting without optional packages. tests/end_to_end/slow/test_export.py has those formats in their own
runtimes."""

import errno
import json
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from digits.base.errors import UserError
from digits.base.paths import ROOT
from digits.learning import model_file
from digits.learning.model_file import Trained
from digits.learning.training import build_model
from digits.serving import exporting
from digits.serving.choice import Chosen
from support import CLASSES, SHAPE, make_request, run_script

CONFIG = make_request("model.filters=[2,2]").config
IMAGES = np.random.default_rng(1).integers(0, 256, (7, *SHAPE), np.uint8)


@pytest.fixture(scope="module")
def chosen() -> Chosen:
    """A model whose answers differ from image to image."""
    keras.utils.set_random_seed(0)
    model = build_model(CONFIG.model, SHAPE, len(CLASSES))
    return Chosen(Trained(model, CLASSES, CONFIG.data), "tiny")


def contents(folder: Path) -> dict[str, bytes]:
    """Return what is in each file under the folder, by its path."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_missing_package_is_one_line_with_the_command_that_installs_it(
    chosen: Chosen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr("digits.learning.runtime.start", lambda _: None)  # TensorFlow has started
    model_file.save(chosen.trained.model, CLASSES, CONFIG.data, tmp_path / "model.keras")
    words = ("format=onnx", f"model={tmp_path / 'model.keras'}", f"out={tmp_path / 'new/model.onnx'}")
    assert run_script("export.py", *words) == (
        "error: format: onnx needs onnx and tf2onnx; `make export-setup` installs what it needs"
    )
    assert set(contents(tmp_path)) == {"model.keras"}


def test_the_command_that_is_named_installs_each_package_that_is_looked_for() -> None:
    target = exporting.INSTALL.removeprefix("make ")
    rule = re.search(rf"^{target}: .*\n\t(.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule
    assert rule[1].endswith(" -r requirements-export.txt")
    pinned = re.findall(r"^([\w-]+)==", (ROOT / "requirements-export.txt").read_text(), re.MULTILINE)
    wanted = {name for each in exporting.FORMATS.values() for name in (*each.writers, each.runtime)}
    assert wanted - {"tensorflow"} <= {name.replace("-", "_") for name in pinned}


def test_a_saved_model_has_the_answers_of_keras_for_any_number_of_images(
    chosen: Chosen, tmp_path: Path
) -> None:
    loaded = tf.saved_model.load(str(exporting.export(chosen, "saved_model", tmp_path / "model")))
    for number in (1, 2, 7):
        answers = loaded.serve(IMAGES[:number]).numpy()
        assert answers.dtype == np.float32
        np.testing.assert_allclose(answers, chosen.trained.model(IMAGES[:number]), atol=1e-6)
    assert np.ptp(answers, axis=0).max() > 1e-3  # or equal answers would mean little
    names = (tmp_path / "model/assets.extra/classes.json").read_text()
    assert json.loads(names) == list(CLASSES)


def test_one_line_says_what_was_written_its_size_and_what_goes_in_and_out(
    chosen: Chosen, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    out = exporting.export(chosen, "saved_model", tmp_path / "model")
    size = sum(map(len, contents(out).values()))
    assert capfd.readouterr() == (
        f"tiny: {out}, {size:,} bytes, takes images (n, 28, 28, 1) uint8, "
        "returns probabilities (n, 10) float32, equal to Keras' within 0.0001\n",
        "",
    )


def test_without_its_runtime_a_file_is_written_and_the_line_says_that_it_was_not_compared(
    chosen: Chosen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    capfd.readouterr()
    out = exporting.export(chosen, "litert", tmp_path / "any.name")
    printed = capfd.readouterr()
    assert printed.out.endswith(
        "not compared with Keras', for which ai_edge_litert is missing (`make export-setup`)\n"
    )
    assert printed.err == ""
    assert out.read_bytes()[4:8] == b"TFL3"
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read("classes.json")) == list(CLASSES)


@pytest.mark.parametrize("format", ["saved_model", "litert"])
def test_what_is_there_is_replaced_and_other_files_stay(
    format: str, chosen: Chosen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    (tmp_path / "notes.txt").write_text("mine")
    out = exporting.export(chosen, format, tmp_path / "model")
    first = contents(tmp_path)
    other = build_model(CONFIG.model, SHAPE, 10)  # with other weights
    exporting.export(Chosen(Trained(other, CLASSES, CONFIG.data), "other"), format, out)
    second = contents(tmp_path)
    assert set(second) == set(first)
    changed = {name for name in first if first[name] != second[name]}
    assert changed & {"model", "model/variables/variables.data-00000-of-00001"}
    assert second["notes.txt"] == b"mine"


def fail(error: Exception) -> Callable[..., None]:
    """Return what stands in for `Model.export`, and fails when it has written a part."""

    def export(_: keras.Model, target: Path, **__: Any) -> None:
        target.mkdir()
        (target / "saved_model.pb").write_bytes(b"half")
        raise error

    return export


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (ValueError("no such\noperation"), UserError, r"^format: tiny cannot be .* \(no such operation\)$"),
        (OSError(errno.ENOSPC, "full"), OSError, "full"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_an_export_that_fails_leaves_everything_as_it_was(
    error: Exception,
    expected: type[BaseException],
    message: str | None,
    chosen: Chosen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = exporting.export(chosen, "saved_model", tmp_path / "model")
    before = contents(tmp_path)
    monkeypatch.setattr(keras.Model, "export", fail(error))
    with pytest.raises(expected, match=message):
        exporting.export(chosen, "saved_model", out)
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("wrong", [0.0, np.nan])
def test_a_file_that_gives_other_answers_than_keras_is_not_kept(
    wrong: float, chosen: Chosen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "run", lambda *_: np.full((exporting.IMAGES, 10), wrong))
    with pytest.raises(UserError, match=r"^format: saved_model gives probabilities up to .* off Keras'$"):
        exporting.export(chosen, "saved_model", tmp_path / "model")
    assert contents(tmp_path) == {}


def test_a_folder_is_refused_for_a_format_that_is_a_file(chosen: Chosen, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is a folder; name a file, such as .*/model\.tflite$"):
        exporting.export(chosen, "litert", tmp_path)
    assert contents(tmp_path) == {}
