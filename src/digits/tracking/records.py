"""Runs as they were recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

RECORDING = "recording"  # the tag that identifies a run before the store has given it an id
DATA_DIGEST = "data.digest"  # the parameter that identifies the data of a run
DIGEST_LETTERS = 12  # are enough to tell data sets apart


@dataclasses.dataclass(frozen=True)
class Record:
    """A run as it was recorded: parameters as text, metrics at their last step."""

    run_id: str
    name: str
    status: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    @property
    def key(self) -> str:
        """What identifies the run: a tag, or its id if it was recorded by an older version."""
        return self.tags.get(RECORDING, self.run_id)

    @property
    def data(self) -> str:
        """The name of the preset of the data, and the digest that identifies them, shortened."""
        name, digest = (self.parameters.get(key, "not recorded") for key in ("data", DATA_DIGEST))
        return f"{name}, digest {digest[:DIGEST_LETTERS]}"
