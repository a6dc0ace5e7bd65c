"""Saving and loading trained models."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from digits.base.errors import UserError
from digits.learning import model_file
from digits.learning.training import build_model
from support import CLASSES, SHAPE, make_request

NETWORKS = {
    "compact": ("model=compact", "model.filters=[4,8]"),
    "with dropout": ("model=best", "model.filters=[[4],[8]]"),
    "tutorial": ("model=tutorial", "model.filters=4", "model.units=8"),
}


DATA = make_request().config.data


def build(network: str, seed: int = 0) -> keras.Model:
    """Return a network with weights that depend on `seed` alone, and names as in a new process."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = build_model(make_request(*NETWORKS[network]).config.model, SHAPE, 10)
    model(np.zeros((2, 28, 28, 1), np.uint8), training=True)  # random generators and averages are at work
    return model


def save(model: keras.Model, file: Path) -> bytes:
    model_file.save(model, CLASSES, DATA, file)
    return file.read_bytes()


@pytest.mark.parametrize("network", NETWORKS)
def test_equal_weights_make_equal_files(tmp_path: Path, network: str) -> None:
    first = save(build(network), tmp_path / "first.keras")
    assert save(build(network), tmp_path / "second.keras") == first
    assert save(build(network, seed=1), tmp_path / "other.keras") != first


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_loaded_has_the_saved_weights_and_no_optimizer(tmp_path: Path, network: str) -> None:
    model = build(network)
    file = tmp_path / "models/model.keras"  # in a folder that does not exist yet
    model_file.save(model, CLASSES, DATA, file)
    for loaded in (model_file.load(file, SHAPE, CLASSES), keras.models.load_model(file)):
        for saved, found in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(found, saved)
        assert getattr(loaded, "optimizer", None) is None


def refusal(file: Path) -> str:
    with pytest.raises(UserError) as refused:
        model_file.load(file, SHAPE, CLASSES)
    return str(refused.value)


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    assert refusal(file) == f"{file}: does not exist; `dvc repro train` trains one"


def test_a_text_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    file.write_text("nothing of the kind")
    message = refusal(file)
    assert message.startswith(f"{file}: is not a model that can be used (")
    assert message.endswith("); `dvc repro train` trains one")
    assert "\n" not in message


@pytest.mark.parametrize("damage", ["half of it", "an archive of something else", "no weights"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "model.keras"
    if damage == "an archive of something else":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("letter.txt", "nothing of the kind")
    else:
        content = save(build("tutorial"), file)
        if damage == "half of it":
            file.write_bytes(content[: len(content) // 2])
        else:
            with zipfile.ZipFile(file) as archive:
                kept = {name: archive.read(name) for name in archive.namelist() if name.endswith(".json")}
            with zipfile.ZipFile(file, "w") as archive:
                for name, value in kept.items():
                    archive.writestr(name, value)
    message = refusal(file)
    assert message.startswith(f"{file}: is not a model that can be used (")
    assert "\n" not in message


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_not_a_regular_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    file = tmp_path / "model.keras"
    make(file)
    assert refusal(file) == f"{file}: must be a regular file"


def is_refused(file: Path) -> bool:
    try:
        model_file.load(file, SHAPE, CLASSES)
    except UserError:
        return True
    return False


def test_a_changed_byte_is_noticed_before_the_weights_are_read(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    content = save(build("tutorial"), file)
    refused = 0
    for place in np.linspace(100, len(content) - 100, 50, dtype=int):
        changed = bytearray(content)
        changed[place] ^= 1
        file.write_bytes(changed)
        refused += is_refused(file)
    assert refused >= 45  # the rest are names and dates in the archive, which nobody reads


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    save(build("tutorial"), file)
    with (
        zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("assets/bomb", "w") as stream,
    ):
        for _ in range(1100):
            stream.write(bytes(2**20))
    message = refusal(file)
    assert "unpacks to 1,15" in message
    assert file.stat().st_size < 2_000_000


@pytest.mark.parametrize(
    ("shape", "classes", "complaint"),
    [
        ((32, 32, 1), CLASSES, r"takes \(None, 28, 28, 1\), not \(None, 32, 32, 1\)"),
        ((28, 28, 3), CLASSES, r"takes \(None, 28, 28, 1\), not \(None, 28, 28, 3\)"),
        (SHAPE, CLASSES[::-1], "names the classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, not 9, 8, 7, 6, 5, 4, 3"),
        (SHAPE, tuple("abcdefghijkl"), "not a, b, c, d, e, f, g, h, i, j and 2 more"),
    ],
)
def test_a_model_for_other_images_or_classes_is_refused(
    tmp_path: Path, shape: tuple[int, ...], classes: tuple[str, ...], complaint: str
) -> None:
    file = tmp_path / "model.keras"
    save(build("tutorial"), file)
    with pytest.raises(UserError, match=complaint):
        model_file.load(file, shape, classes)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    model = build("compact")
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
    save(model, tmp_path / "model.keras")
    assert "has weights that are infinite or not a number" in refusal(tmp_path / "model.keras")


def test_a_model_for_pictures_of_any_size_says_how_they_become_images(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    save(build("compact"), file)
    found = model_file.read(file)
    assert found.classes == CLASSES
    assert (found.data.size, found.data.color_mode) == ([28, 28], "grayscale")
    assert found.data.prepare == "mnist"


def test_a_model_that_keras_wrote_has_numbered_classes(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    build("compact").save(file)
    found = model_file.read(file)
    assert found.classes == CLASSES
    assert (found.data.size, found.data.prepare) == ([28, 28], None)


def test_a_model_that_takes_no_pictures_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)]).save(file)
    with pytest.raises(UserError, match=r"takes \(None, 784\) and returns \(None, 10\), not images"):
        model_file.read(file)
