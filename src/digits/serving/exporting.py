"""Write a model for other runtimes: ONNX Runtime, LiteRT, or TensorFlow's loader of saved models."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import zipfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from digits.base.errors import UserError, message_of
from digits.base.files import with_parents
from digits.base.staging import staged
from digits.data.arrays import Pixels
from digits.learning.runtime import stderr_held_back

if TYPE_CHECKING:
    from digits.serving.choice import Chosen

INSTALL = "make export-setup"
INPUT, CLASSES = "images", "classes.json"
LONGEST_REASON = 300  # letters
IMAGES, TOLERANCE = 8, 1e-4  # how many are compared with Keras, and how far a probability may be off


class Format(NamedTuple):
    """What Keras calls a format, the usual name of what is written, and the modules that write and run it."""

    in_keras: str
    file: str
    writers: tuple[str, ...]
    runtime: str


FORMATS = {
    "onnx": Format("onnx", "model.onnx", ("onnx", "tf2onnx"), "onnxruntime"),
    "litert": Format("litert", "model.tflite", (), "ai_edge_litert"),  # TensorFlow writes it
    "saved_model": Format("tf_saved_model", "saved_model", (), "tensorflow"),
}


def export(chosen: Chosen, format: str, out: Path) -> Path:
    """Write the model, with the names of its classes, to the file `out`, or the folder for saved_model, in
    place of what is there. Print a line about it, and return `out`.

    What is written takes any number of images, (n, height, width, channels) uint8, and returns probabilities,
    (n, classes) float32.

    Raises UserError if a package is missing, the format does not have an operation of the network, or the
    probabilities differ from Keras' by more than TOLERANCE.
    """
    wanted, model, classes = FORMATS[format], chosen.trained.model, chosen.trained.classes
    if missing := [name for name in wanted.writers if _is_missing(name)]:
        raise UserError(f"format: {format} needs {' and '.join(missing)}; `{INSTALL}` installs what it needs")
    if out.is_dir() and format != "saved_model":
        raise UserError(f"out: {out} is a folder; name a file, such as {out / wanted.file}")
    target = out.resolve()
    with staged(target.parent) as stage:
        written = stage / wanted.file  # Keras refuses some other names
        with _quietly(f"format: {chosen} cannot be exported to {format}"):
            _write(model, classes, format, written)
        compared = f"not compared with Keras', for which {wanted.runtime} is missing (`{INSTALL}`)"
        if not _is_missing(wanted.runtime):
            _compare(model, format, written)
            compared = f"equal to Keras' within {TOLERANCE:g}"
        size = sum(file.stat().st_size for file in (written, *written.rglob("*")) if file.is_file())
        written.rename(stage / target.name)
    takes = f"images ({', '.join(map(str, ('n', *model.input_shape[1:])))}) uint8"
    returns = f"probabilities (n, {len(classes)}) float32"
    print(f"{chosen}: {out}, {size:,} bytes, takes {takes}, returns {returns}, {compared}")
    return out


def run(format: str, written: Path, images: Pixels) -> Any:
    """Return the probabilities of `images` that what `export` has written gives in its own runtime."""
    if format == "onnx":
        return import_module("onnxruntime").InferenceSession(written).run(None, {INPUT: images})[0]
    if format == "litert":
        interpreter = import_module("ai_edge_litert.interpreter").Interpreter(str(written))
        return interpreter.get_signature_runner()(**{INPUT: images})["output_0"]
    loaded = import_module("tensorflow").saved_model.load(str(written))  # its variables live as long
    return loaded.serve(images).numpy()


def _write(model: Any, classes: Sequence[str], format: str, target: Path) -> None:
    from keras import InputSpec

    spec = InputSpec(shape=model.input_shape, dtype="uint8", name=INPUT)
    model.export(target, format=FORMATS[format].in_keras, verbose=False, input_signature=[spec])
    names = json.dumps(classes)
    if format == "onnx":
        onnx = import_module("onnx")
        proto = onnx.load(target)
        onnx.helper.set_model_props(proto, {"classes": names})
        onnx.checker.check_model(proto)  # tf2onnx writes operations, too, that ONNX does not have
        onnx.save(proto, target)
    elif format == "litert":
        with zipfile.ZipFile(target, "a") as archive:  # behind the model, where LiteRT puts labels
            archive.writestr(zipfile.ZipInfo(CLASSES), names)
    else:  # in the folder that TensorFlow leaves to others
        with_parents(target / "assets.extra" / CLASSES).write_text(names, encoding="utf-8")


def _compare(model: Any, format: str, written: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, *model.input_shape[1:]), np.uint8)
    with _quietly(f"format: {FORMATS[format].runtime} cannot run what was exported"):
        difference = np.abs(run(format, written, images) - model(images, training=False).numpy()).max()
    if not difference <= TOLERANCE:  # it can be NaN
        raise UserError(f"format: {format} gives probabilities up to {difference:.2g} off Keras'")


@contextlib.contextmanager
def _quietly(problem: str) -> Iterator[None]:
    """Hold back what the libraries print, and raise a UserError for whatever they raise."""
    failure = None
    with stderr_held_back():
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            failure = error  # raised after the block, which would show what was printed
    if failure:
        raise UserError(f"{problem} ({message_of(failure)[:LONGEST_REASON]})") from failure


def _is_missing(module: str) -> bool:
    return importlib.util.find_spec(module) is None
