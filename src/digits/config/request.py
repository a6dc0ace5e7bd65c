"""What a command is asked to do: the configuration, the resources, and the command's own options."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

from digits.base.paths import ROOT
from digits.config.compose import Composed, compose_values, parse
from digits.config.data import DataConfig
from digits.config.options import Options, Resources

AnyConfig = TypeVar("AnyConfig", bound=DataConfig)


@dataclasses.dataclass(frozen=True)
class Request(Generic[AnyConfig]):
    """A checked configuration and everything else that a command needs to know. `out` is the folder to write
    to."""

    config: AnyConfig
    resources: Resources
    options: Options
    out: Path
    composed: Composed

    @property
    def model_file(self) -> Path:
        """The model to evaluate. A path that a person gave is relative to where he stands."""
        named = self.options.model_file
        return Path(named).absolute() if named else ROOT / "models/model.keras"

    def with_options(self, **changes: object) -> Request[AnyConfig]:
        """Return the same request with other options."""
        return dataclasses.replace(self, options=self.options.model_copy(update=changes))


def to_request(composed: Composed, schema: type[AnyConfig], out: Path) -> Request[AnyConfig]:
    """Check what was composed. Raises UserError with every wrong key, its source, and what is allowed."""
    config = parse(composed, schema)
    return Request(config, parse(composed, Resources), parse(composed, Options), out, composed)


def compose_request(
    overrides: Sequence[str], schema: type[AnyConfig], out: Path, primary: str = "config"
) -> Request[AnyConfig]:
    """Return what a command is asked to do with these Hydra overrides. Raises UserError if they are wrong."""
    return to_request(compose_values(overrides, primary), schema, out)
