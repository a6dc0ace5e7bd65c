"""Find the model to use: the champion of a data set, the model of a run, or a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from digits.base import files
from digits.base.errors import UserError
from digits.learning import model_file
from digits.learning.model_file import Trained

CHAMPION = "champion"


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A model to use, and where it is from. What is only known of a model in the store is None otherwise."""

    trained: Trained
    name: str
    version: int | None = None
    run_id: str | None = None
    run_name: str | None = None
    data: str | None = None
    test_accuracy: float | None = None

    def __str__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        scored = f", {self.test_accuracy:.2%} on its test set" if self.test_accuracy is not None else ""
        return f"{self.name}{version}{scored}"


def choose(wanted: str, data: str) -> Chosen:
    """Return the model that `wanted` names: champion, for that of the preset `data`; a file; or the id or the
    name of a run.

    Raises UserError if there is no such model, or it cannot be used.
    """
    if Path(wanted).suffix == ".keras" or Path(wanted).is_file():
        return Chosen(model_file.read(Path(wanted)), Path(wanted).name)

    from digits.serving.candidates import find_run  # which needs MLflow, as nothing above does
    from digits.tracking import failures, registry
    from digits.tracking.opening import open_store

    open_store()
    with failures.reported():
        if wanted != CHAMPION:
            return of_run(find_run(wanted, data).info.run_id)
        name = registry.registered_name(data)
        version = registry.champion(name)
        if version is None:
            raise UserError(
                f"model: {name} has no champion; `python src/promote.py data={data}` makes one, "
                "or name a run or a file"
            )
        return of_run(version.run_id, name, version.number)


def of_run(run_id: str, name: str | None = None, version: int | None = None) -> Chosen:
    """Return the model that this run has recorded, which is a version of the registered model `name`.

    Raises UserError if it has none, or the file is not the one that was recorded.
    """
    import mlflow

    from digits.tracking import models, store

    run = mlflow.get_run(run_id)
    model = models.of_run(run)
    if model is None:
        raise UserError(f"model: run {run.info.run_name} ({run_id}) has recorded no model")
    file = Path(mlflow.artifacts.download_artifacts(f"{model.artifact_location}/{store.MODEL_FILE}"))
    recorded = model.tags.get("model_md5")
    if recorded and files.md5(file) != recorded:
        raise UserError(f"model: {file} is not the file that run {run.info.run_name} recorded")
    accuracy = run.data.metrics.get("test_accuracy")
    trained = model_file.read(file)
    return Chosen(
        trained,
        name or model.name,
        version,
        run_id,
        run.info.run_name,
        run.data.params.get("data"),
        accuracy,
    )
