"""Say what came of an experiment, and where to look at it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import mlflow

from digits.base import paths
from digits.base.errors import UserError
from digits.config.request import Request
from digits.config.schema import Config
from digits.data import archive
from digits.tracking import pages, runs, store
from digits.tracking.address import shown, tracking_uri
from digits.tracking.opening import open_store
from digits.tracking.recording import Recording
from digits.tracking.records import Record


def summarize(config: Config) -> None:
    """Print the newest run of this configuration. Raises UserError if there is none."""
    open_store()
    digest = None
    with contextlib.suppress(UserError):  # the data need not be prepared here: DVC has copies of the project
        digest = archive.check(config, paths.PREPARED).digest
    run = runs.find_run(config, digest)
    if run is None:
        raise UserError(
            f"no run of data={config.data.name} model={config.model.name} recipe={config.recipe.name} "
            f"seed={config.seed} with these values is in {shown(tracking_uri())}; "
            "python src/experiment.py with the same overrides records one"
        )
    _show(run, _artifacts(run))


def summarize_recorded(request: Request[Config], recording: Recording) -> None:
    """Print the run that a command has just recorded. A trial, or a stage of DVC, is part of something that
    has a summary of its own. Without the store there is nothing more to say than where the files are."""
    if is_part_of_more(request):
        return
    files = shown_folder(request.out)
    with contextlib.suppress(UserError, OSError):  # all is recorded, whatever goes wrong from here on
        # a server that is away would be waited for
        if recording.delivered and (run := store.newest(f"attributes.run_id = '{recording.run_id}'")):
            _show(run, files)
            return
    _print({"files": files})


def is_part_of_more(request: Request[Config]) -> bool:
    """Return whether this is a trial of a sweep or a search, or a stage of DVC."""
    return request.options.parent_run is not None or "DVC_STAGE" in os.environ


def _artifacts(run: Record) -> str:
    """Return the folder of the run's artifacts if it is on this machine, and nothing otherwise."""
    place = urlsplit(mlflow.get_run(run.run_id).info.artifact_uri)
    return shown_folder(Path(url2pathname(place.path))) if place.scheme == "file" else ""


def shown_folder(folder: Path) -> str:
    """Return the folder as a person in the current one would write it."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def _show(run: Record, files: str) -> None:
    known, scores = run.parameters, run.metrics
    epochs = known.get("epochs", "")
    page = pages.run(pages.server(), run.run_id)
    _print(
        {
            "data": run.data,
            "model": f"{known.get('model')}, {int(known.get('parameters', 0)):,} parameters",
            "recipe": f"{known.get('recipe')}, {epochs} epoch{'s' * (epochs != '1')}",
            "val accuracy": f"{scores['val_accuracy']:.2%}" if "val_accuracy" in scores else "",
            "test accuracy": f"{scores['test_accuracy']:.2%}" if "test_accuracy" in scores else "",
            "files": files,
            "run": run.name,
            "run id": run.run_id,
            "recorded in": shown(tracking_uri()),
        }
    )
    on_server = tracking_uri().startswith("http")
    print(f"the run's page in MLflow{'' if on_server else ', once `make ui` runs'}:\n{page}\n")


def _print(rows: dict[str, str]) -> None:
    """Print the rows that have a value. Long lines are left to the terminal, so that they can be copied."""
    lines = [f"{name:15}{value}" for name, value in rows.items() if value]
    print("", *lines, "", sep="\n")
