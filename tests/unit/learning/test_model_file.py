"""Saving and loading trained models."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from digits.base.errors import UserError
from digits.learning import model_file
from digits.learning.training import build_model
from support import make_request

NETWORKS = {
    "compact": ("model=compact", "model.filters=[4,8]"),
    "with dropout": ("model=best", "model.filters=[[4],[8]]"),
    "tutorial": ("model=tutorial", "model.filters=4", "model.units=8"),
}


def build(network: str, seed: int = 0) -> keras.Model:
    """Return a network with weights that depend on `seed` alone, and names as in a new process."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = build_model(make_request(*NETWORKS[network]).config.model)
    model(np.zeros((2, 28, 28, 1), np.uint8), training=True)  # random generators and averages are at work
    return model


def save(model: keras.Model, file: Path) -> bytes:
    model_file.save(model, file)
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
    model_file.save(model, file)
    for loaded in (model_file.load(file), keras.models.load_model(file)):
        for saved, found in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(found, saved)
        assert getattr(loaded, "optimizer", None) is None


def refusal(file: Path) -> str:
    with pytest.raises(UserError) as refused:
        model_file.load(file)
    return str(refused.value)


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    assert refusal(file) == f"{file}: does not exist; `dvc repro train` trains one"


def test_a_text_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    file.write_text("nothing of the kind")
    message = refusal(file)
    assert message.startswith(f"{file}: is not a Keras model (")
    assert message.endswith("); `dvc repro train` trains one")
    assert "\n" not in message


@pytest.mark.parametrize("damage", ["half of it", "an archive of something else", "no weights", "a folder"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "model.keras"
    if damage == "a folder":
        file.mkdir()
    elif damage == "an archive of something else":
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
    assert message.startswith(f"{file}: is not a Keras model (")
    assert "\n" not in message
