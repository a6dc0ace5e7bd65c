"""What is not part of an experiment: resources to compute it with, and options of the commands."""

from __future__ import annotations

from collections.abc import Mapping
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
    run_name: str | None

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


def resolve_resources(threads: Any, launcher: Mapping[str, Any]) -> dict[str, Any]:
    """Return the threads and workers that are meant. `threads` can be auto: all that the `launcher`, the part
    of Hydra's configuration that says how the trials of a sweep are run, grants to a trial.

    Slurm and Ray grant each trial a number of processors, on whatever machine it runs. joblib runs `n_jobs`
    trials on the processors of this machine, or as many as it has processors if that is negative. Outside a
    sweep, and without a launcher of these, one process has all processors.
    """
    granted = launcher.get("cpus_per_task") or launcher.get("num_cpus")
    workers = 1 if granted else launcher.get("n_jobs", 1)
    workers = workers if workers > 0 else processors()
    share = granted or max(1, processors() // workers)
    return {"workers": workers, "threads": share if threads == "auto" else threads}
