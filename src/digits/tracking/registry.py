"""Keep the models that are used as versions of registered models, one registered model for each data set.

The alias `champion` is on the version to use, `challenger` on the newest one that was not good enough.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Iterator, Mapping

import mlflow
from filelock import FileLock
from mlflow.entities import LoggedModel, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from digits.base.errors import UserError
from digits.tracking.address import database_file, experiment_name, tracking_uri
from digits.tracking.failures import unless_denied

CHAMPION, CHALLENGER = "champion", "challenger"
REPLACED = "replaced"  # the tag that names the champion before this one


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of the registered model `name`."""

    name: str
    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"


def registered_name(data: str) -> str:
    """Return the name of the registered model for the preset `data`."""
    return f"{experiment_name()}-{data}"


def champion(name: str) -> Version | None:
    """Return the version that is in use, or None."""
    try:
        return _version(mlflow.MlflowClient().get_model_version_by_alias(name, CHAMPION))
    except MlflowException as error:
        if _is_missing(error):
            return None
        raise


def versions(name: str) -> list[Version]:
    """Return all versions, newest first."""
    client = mlflow.MlflowClient()
    try:
        aliases = client.get_registered_model(name).aliases
    except MlflowException as error:
        if _is_missing(error):
            return []
        raise
    found = [_version(each) for each in client.search_model_versions(f"name = '{name}'")]
    names = {
        each.number: tuple(alias for alias, number in aliases.items() if int(number) == each.number)
        for each in found
    }
    named = [dataclasses.replace(each, aliases=names[each.number]) for each in found]
    return sorted(named, key=lambda each: -each.number)


def register(name: str, run: Run, model: LoggedModel, tags: Mapping[str, str]) -> Version:
    """Return the version that has the model of this run. It is made if there is none."""
    client = mlflow.MlflowClient()
    with contextlib.suppress(MlflowException):  # it exists, or another process makes it
        client.create_registered_model(name)
    for version in versions(name):
        if version.run_id == run.info.run_id:
            return version
    made = client.create_model_version(
        name, model.artifact_location, run.info.run_id, dict(tags), model_id=model.model_id
    )
    return _version(made)


def mark(version: Version, alias: str, description: str, tags: Mapping[str, object]) -> None:
    """Move the alias to this version, and record who did it, when, and why."""
    client = mlflow.MlflowClient()
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    user = resolve_tags().get("mlflow.user", "unknown")
    for key, value in {**tags, f"{alias}_since": moment, f"{alias}_by": user}.items():
        client.set_model_version_tag(version.name, str(version.number), key, str(value))
    text = f"{description}\n{alias.capitalize()} since {moment}, by {user}"
    client.update_model_version(version.name, str(version.number), text)
    client.set_registered_model_alias(version.name, alias, str(version.number))
    if alias == CHAMPION and CHALLENGER in version.aliases:
        with unless_denied():  # the champion is chosen all the same
            client.delete_registered_model_alias(version.name, CHALLENGER)


def restore(now: Version) -> Version:
    """Move the alias champion from this version back to the one that it replaced, which is returned.

    Raises UserError if there is none.
    """
    before = next((each for each in versions(now.name) if str(each.number) == now.tags.get(REPLACED)), None)
    if before is None:
        raise UserError(f"{now} has replaced no version that is still there")
    tags = {"rolled_back_from": now.number, REPLACED: before.tags.get(REPLACED, "")}
    mark(before, CHAMPION, f"brought back in place of version {now.number}", tags)
    return before


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one process at a time change what is registered in a local store."""
    file = database_file(tracking_uri())
    with FileLock(file.with_name(f"{file.name}.promotion.lock")) if file else contextlib.nullcontext():
        yield


def _version(found: ModelVersion) -> Version:
    return Version(
        found.name,
        int(found.version),
        found.run_id or "",
        dict(found.tags),
        tuple(found.aliases),
    )


def _is_missing(error: MlflowException) -> bool:
    # a registered model without this alias is an invalid parameter
    return error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
