"""Say what came of an experiment, and where to look at it."""

from __future__ import annotations

import contextlib

from rich.table import Table

from digits.base import paths
from digits.base.errors import UserError
from digits.config.schema import Config
from digits.data import archive
from digits.reports.ranking import by_data
from digits.reports.tables import console
from digits.tracking import runs
from digits.tracking.address import shown, tracking_uri
from digits.tracking.opening import open_store


def summarize(config: Config) -> None:
    """Print the newest run of this configuration. Raises UserError if there is none."""
    open_store()
    digest, where = None, shown(tracking_uri())
    with contextlib.suppress(UserError):  # the data need not be prepared here: DVC has copies of the project
        digest = archive.check(config, paths.PREPARED).digest
    run = runs.find_run(config, digest)
    if run is None:
        raise UserError(
            f"no run of data={config.data.name} model={config.model.name} recipe={config.recipe.name} "
            f"seed={config.seed} with these values is in {where}; if DVC has its results in the cache, "
            "`dvc repro --force` runs it again"
        )
    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("data", next(iter(by_data([run])))),
        ("model", f"{config.model.name}, {run.parameters['parameters']} parameters"),
        ("recipe", f"{config.recipe.name}, {config.epochs} epochs"),
        ("test accuracy", f"{run.metrics['test_accuracy']:.2%}"),
        ("run", f"{run.name} ({run.run_id})"),
        ("recorded in", where),
        ("look at it", "make ui"),
    ):
        table.add_row(name, value)
    console().print("", table, "")
