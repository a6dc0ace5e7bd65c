"""Say what came of the experiment that the keys describe: python src/summary.py data=sample"""

import entry_point
from digits.config import Config
from digits.errors import UserError


def main(config: Config, _: object) -> None:
    from digits import store, tracking

    run = tracking.find_run(config)
    if run is None:
        raise UserError(
            f"no run of {tracking.run_name(config)} in {store.uri()}; where DVC has its results "
            "in the cache, `dvc repro --force` runs it again"
        )
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    scores = run.metrics
    for name, value in (
        ("data", config.data.name),
        ("model", f"{config.model.name}, {run.parameters['parameters']} parameters"),
        ("recipe", f"{config.recipe.name}, {config.epochs} epochs"),
        ("test accuracy", f"{scores['test_accuracy']:.2%}"),
        ("run", f"{run.name} ({run.run_id})"),
        ("recorded in", store.uri()),
        ("look at it", "make ui"),
    ):
        table.add_row(name, value)
    Console(soft_wrap=True, highlight=False).print("", table, "")


if __name__ == "__main__":
    entry_point.run(main)
