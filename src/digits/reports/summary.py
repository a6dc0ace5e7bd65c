"""Say what came of an experiment, and where to look at it."""

from __future__ import annotations

from rich.table import Table

from digits.base.errors import UserError
from digits.config.schema import Config
from digits.reports.tables import console
from digits.tracking import runs, store


def summarize(config: Config) -> None:
    """Print the newest run of this configuration. Raises UserError if there is none."""
    run = runs.find_run(config)
    if run is None:
        raise UserError(
            f"no run of data={config.data.name} model={config.model.name} recipe={config.recipe.name} "
            f"seed={config.seed} with these values is in {store.uri()}; if DVC has its results in the cache, "
            "`dvc repro --force` runs it again"
        )
    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("data", config.data.name),
        ("model", f"{config.model.name}, {run.parameters['parameters']} parameters"),
        ("recipe", f"{config.recipe.name}, {config.epochs} epochs"),
        ("test accuracy", f"{run.metrics['test_accuracy']:.2%}"),
        ("run", f"{run.name} ({run.run_id})"),
        ("recorded in", store.uri()),
        ("look at it", "make ui"),
    ):
        table.add_row(name, value)
    console().print("", table, "")
