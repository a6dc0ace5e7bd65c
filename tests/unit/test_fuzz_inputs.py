"""What `make fuzz` found, and what it starts from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support import ROOT
from targets import TARGETS

INPUTS = sorted((ROOT / "tests/fuzz/inputs").glob("*/*"))


def test_each_target_has_inputs_to_start_from() -> None:
    assert {file.parent.name for file in INPUTS} == set(TARGETS)


@pytest.mark.parametrize("file", INPUTS, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_an_input_is_read_or_refused(file: Path) -> None:
    target: Callable[[bytes], None] = TARGETS[file.parent.name]
    target(file.read_bytes())
