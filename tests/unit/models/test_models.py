"""The table of networks: the presets and the schema of the configuration follow it."""

import importlib.util
import inspect
import sys
from typing import Any

import pytest
import yaml
from pydantic import PositiveInt

from digits.base.errors import UserError
from digits.base.paths import CONF
from digits.config import schema
from digits.config.compose import Composed, compose_values, parse
from digits.config.schema import compose
from digits.learning.training import build_model
from digits.models import ARCHITECTURES, Architecture

PRESETS = sorted((CONF / "model").glob("*.yaml"))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.stem)
def test_a_preset_names_a_network_of_the_table_and_gives_its_arguments(preset: Any) -> None:
    values = yaml.safe_load(preset.read_text())
    parameters = inspect.signature(ARCHITECTURES[values.pop("network")].build).parameters
    assert set(values) == set(parameters) - {"shape", "classes"}


def test_every_network_has_a_preset() -> None:
    used = {yaml.safe_load(file.read_text())["network"] for file in PRESETS}
    assert used == set(ARCHITECTURES)


@pytest.fixture
def schema_with_thin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A second copy of the module digits.config.schema, made when the table has one more network."""

    def thin(shape: Any, classes: int, *, width: PositiveInt) -> None:
        assert (shape, classes, width) is not None

    monkeypatch.setitem(ARCHITECTURES, "thin", Architecture(thin, lambda **_: []))
    spec = importlib.util.spec_from_file_location("schema_with_thin", inspect.getfile(schema))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "schema_with_thin", module)
    spec.loader.exec_module(module)
    return module


def thin_network(width: int) -> Composed:
    changes = ["~model.filters", "~model.units", "model.network=thin", f"+model.width={width}"]
    return compose_values(["data=sample", "model=tutorial", *changes])


def test_an_entry_of_the_table_makes_a_schema_of_its_signature(schema_with_thin: Any) -> None:
    config = parse(thin_network(3), schema_with_thin.Config)
    assert config.model.network == "thin"
    assert config.model.arguments == {"width": 3}


def test_the_schema_checks_the_arguments_of_the_entry(schema_with_thin: Any) -> None:
    with pytest.raises(UserError, match=r"^model.width: input should be greater than 0, not -1"):
        parse(thin_network(-1), schema_with_thin.Config)


def test_a_network_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(UserError, match=r"^model: input tag 'thin' .* 'tutorial', 'compact', 'vgg'"):
        parse(thin_network(3), schema.Config)


@pytest.mark.parametrize(
    ("changes", "shape", "fitting"),
    [
        (["model=compact"], (8, 8, 1), 1),
        (["model=compact"], (28, 13, 1), 2),
        (["model=compact", "model.filters=[1,1,1,1,1,1]"], (96, 96, 3), 5),
        (["model=best"], (8, 8, 1), 1),
        (["model=best"], (30, 23, 3), 2),
    ],
)
def test_a_network_that_is_too_deep_is_refused_with_the_number_of_stages_that_fit(
    changes: list[str], shape: tuple[int, int, int], fitting: int
) -> None:
    network = compose(changes).model
    with pytest.raises(UserError) as error:
        network.refuse_too_deep(shape)
    assert str(error.value) == (
        f"model: {network.name} has {len(network.arguments['filters'])} stages, and images of {shape[0]} x "
        f"{shape[1]} have room for {fitting}; choose another preset, or shorten model.filters"
    )


@pytest.mark.parametrize("preset", ["tutorial", "compact", "small", "best", "tiny"])
@pytest.mark.parametrize("side", range(8, 97, 11))
def test_a_network_is_accepted_if_and_only_if_it_can_be_built(preset: str, side: int) -> None:
    network, shape = compose([f"model={preset}"]).model, (side, side, 3)
    try:
        network.refuse_too_deep(shape)
    except UserError:
        with pytest.raises(ValueError, match=r"[Nn]egative|zero or"):
            build_model(network, shape, 5)
    else:
        assert build_model(network, shape, 5).output_shape == (None, 5)
