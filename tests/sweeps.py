"""Sweeps and searches in copies of the project."""

from __future__ import annotations

import dataclasses
import re

from mlflow.entities import Run

from project import Project

TINY = """\
trials: {}
sampler: {{ name: random, seed: 1 }}
pruner: {{ name: none }}
space:
  learning_rate: {{ choices: [0.1, 0.2] }}
"""


def write_tiny_search(project: Project, trials: int) -> None:
    """Add the preset `search=tiny`."""
    (project.root / "conf/search/tiny.yaml").write_text(TINY.format(trials))


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A sweep that was run: where, with which overrides, and what it printed."""

    project: Project
    words: tuple[str, ...]
    output: str

    def command(self) -> str:
        """Return the printed command that repeats the best trial."""
        found = re.search(r"to repeat it: (dvc exp run .*)", self.output)
        assert found, self.output
        return found[1]

    def best_trial(self) -> Run:
        """Return the trial that the printed command repeats."""
        dropout = re.search(r"model\.dropout=([\d.]+)", self.command())
        assert dropout
        _, trials = sweep_runs(self.project)
        (best,) = (run for run in trials if run.data.params["model.dropout"] == dropout[1])
        return best


def sweep_runs(project: Project) -> tuple[Run, list[Run]]:
    """Return the parent of the project's only sweep, and its trials, oldest first."""
    (parent,) = (run for run in project.runs() if "sweep_overrides" in run.data.tags)
    return parent, project.runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")[::-1]
