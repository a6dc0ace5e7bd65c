"""The base of all configuration schemas, and the wording of what is wrong with a configuration."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from digits.base.errors import UserError

Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Section(BaseModel):
    """Part of a configuration: immutable, strictly typed, without unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any) -> Any:
        # extra="forbid" refuses them too, but without saying which keys are allowed
        unknown = set(values) - set(cls.model_fields) if isinstance(values, dict) else ()
        if unknown:
            message = unknown_key(unknown, cls.model_fields)
            raise PydanticCustomError(
                "unknown_key", "{message}", {"message": message, "key": min(map(str, unknown))}
            )
        return values


Schema = TypeVar("Schema", bound=Section)
SAY_ENOUGH = ("missing", "too_long", "too_short", "union_tag_invalid", "unknown_key", "value_error")


def unknown_key(unknown: Collection[Any], allowed: Collection[str]) -> str:
    """Return the words for keys that do not exist."""
    listed = sorted(map(str, unknown))
    meant = did_you_mean(listed[0], allowed)
    return f"unknown key {', '.join(listed)}; allowed: {', '.join(allowed)}{meant}"


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return the words that suggest the known word that is most similar, or none."""
    similar = difflib.get_close_matches(word, known, 1)
    return f"; did you mean {similar[0]}?" if similar else ""


def validate(
    schema: type[Schema],
    values: Mapping[str, Any],
    source: Callable[[list[str]], str],
    accept_auto: Collection[str] = (),
    under: str = "",
) -> Schema:
    """Return `values` as a `schema`.

    `source` names the file or command line that a key, given as a list of its parts, came from.
    `accept_auto` are keys that may also hold the word auto, and `under` is the key of the whole.

    Raises UserError with every wrong key, its source, and what is allowed.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        problems = [_explain(each, values, source, accept_auto, under) for each in error.errors()]
        raise UserError("; ".join(problems)) from None


def _explain(
    error: Any, values: Any, source: Callable[[list[str]], str], accept_auto: Collection[str], under: str
) -> str:
    path = _path(error["loc"], values, missing=error["type"] == "missing")
    key = ".".join([under, *path] if under else path)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] not in SAY_ENOUGH:
        message += f"{' or auto' if key in accept_auto else ''}, not {error['input']!r}"
    details = error.get("ctx", {})
    culprit = details.get("key") or details.get("discriminator", "").strip("'")  # below `path`, if any
    where = source([*path, culprit] if culprit else path)
    return f"{key and f'{key}: '}{message[0].lower()}{message[1:]}{where and f' ({where})'}"


def _path(location: tuple[int | str, ...], values: Any, missing: bool) -> list[str]:
    """Return the parts of `location` that are keys of `values`. The others name the branch of a union that
    pydantic took."""
    path = []
    for depth, part in enumerate(location, start=1):
        is_key = isinstance(values, Mapping) and part in values
        if is_key or (isinstance(values, list) and isinstance(part, int)):
            values = values[part]
            path.append(str(part))
        elif missing and depth == len(location):
            path.append(str(part))
    return path


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings, each with its dotted key."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
