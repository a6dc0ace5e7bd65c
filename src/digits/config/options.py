"""What is not part of an experiment: resources to compute it with, and options of the commands."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import PositiveInt, field_validator

from digits.base.processes import processors
from digits.base.section import Section


class Resources(Section):
    """How an experiment is computed. Recorded with a run, but not compared: runs that differ in nothing else
    are replicates."""

    threads: PositiveInt
    workers: PositiveInt


class Options(Section):
    """What a command does, as opposed to what an experiment is. conf/config.yaml explains each key."""

    out: str
    model_file: str | None
    resume: bool | Literal["auto"]
    offline: bool
    parent_run: str | None

    @field_validator("resume", mode="before")
    @classmethod
    def _check_resume(cls, value: Any) -> Any:
        if not isinstance(value, bool) and value != "auto":
            raise ValueError(f"must be true, false or auto, not {value!r}")  # once, not once for each type
        return value

    @field_validator("offline", mode="before")
    @classmethod
    def _check_offline(cls, value: Any) -> Any:
        known = {"true": True, "false": False}  # as an environment variable has them
        if str(value).lower() not in known:
            raise ValueError(f"must be true or false, not {value!r}")
        return known[str(value).lower()]


def resolve_resources(threads: Any, workers: int) -> dict[str, Any]:
    """Return the threads and workers that are meant. `threads` can be auto, and a negative number of
    `workers` is one for each processor."""
    workers = workers if workers > 0 else processors()
    return {"workers": workers, "threads": max(1, processors() // workers) if threads == "auto" else threads}
