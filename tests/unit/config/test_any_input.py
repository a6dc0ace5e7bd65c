"""Whatever is written in params.yaml or on the command line is composed, or refused in one line."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digits.base.errors import UserError
from digits.config.params import KEYS_OF_COMMANDS, read_params
from digits.config.request import compose_request
from digits.config.schema import Config

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
OTHER_KEYS = ("model.filters", "recipe.optimizer.momentum", "nope", "hydra.job.name")
KEYS = st.sampled_from([*KEYS_OF_COMMANDS, *OTHER_KEYS])
OVERRIDES = st.builds("{}{}={}".format, st.sampled_from(["", "+", "~", "++"]), KEYS, SCALARS)


@contextlib.contextmanager
def refused_in_one_line() -> Iterator[None]:
    refusal = None
    try:
        yield
    except UserError as error:
        refusal = str(error)
    assert refusal is None or refusal
    assert "\n" not in (refusal or "")


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_in_params_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = Path(tmp_path_factory.getbasetemp()) / "params.yaml"
    file.write_bytes(content)
    with refused_in_one_line():
        read_params(file)


@settings(max_examples=60)
@given(st.lists(OVERRIDES | st.text(max_size=8), min_size=1, max_size=2))
def test_any_overrides_are_composed_or_refused(words: list[str]) -> None:
    with refused_in_one_line():
        assert compose_request(words, Config, Path()).config.epochs > 0
