"""Make JSON schemas from types and signatures, and explain their keys with comments and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

JsonSchema = dict[str, Any]


def of_type(kind: Any) -> JsonSchema:
    """Return the schema that pydantic makes of a type, with references replaced by what they refer to. An
    object has no other keys than these, as `Section` wants it."""
    whole = TypeAdapter(kind).json_schema()
    definitions = whole.pop("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inlined(definitions[node["$ref"].rpartition("/")[2]])
        kept = {key: inlined(value) for key, value in node.items() if key != "discriminator"}
        if isinstance(kept.get("title"), str):
            del kept["title"]  # the name of the key or type once more
        if isinstance(kept.get("description"), str):
            kept["description"] = in_one_line(kept["description"])
        if "oneOf" in kept:
            kept["anyOf"] = kept.pop("oneOf")  # for which editors have better messages
        return {"additionalProperties": False} | kept if "properties" in kept else kept

    made: JsonSchema = inlined(whole)
    return made


def in_one_line(docstring: str) -> str:
    """Return a docstring without its line breaks, which editors would show as paragraphs."""
    return " ".join(docstring.split())


def of_signature(function: Callable[..., Any]) -> JsonSchema:
    """Return a schema of the arguments of a function by name. With `**` it allows others."""
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    named = [each for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD]
    schema = of_keys({each.name: of_type(each.annotation) for each in named})
    return schema | {"additionalProperties": len(named) < len(parameters)}


def of_keys(properties: JsonSchema, required: Collection[str] = ()) -> JsonSchema:
    """Return a schema of an object that has these keys and no others."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


def branches(schema: JsonSchema) -> list[JsonSchema]:
    """Return what a schema says about objects: itself, or several alternatives."""
    return [branch for branch in (schema, *schema.get("anyOf", ())) if "properties" in branch]


def without_key(schema: JsonSchema, key: str) -> JsonSchema:
    """Return the schema of an object, or of several alternatives, without a key that all of them require."""
    made = {**schema}
    if "anyOf" in schema:
        made["anyOf"] = [without_key(branch, key) for branch in schema["anyOf"]]
    if "properties" in schema:
        made["properties"] = {name: value for name, value in schema["properties"].items() if name != key}
        made["required"] = [name for name in schema["required"] if name != key]
    return made


def partial(schema: JsonSchema, leaf: JsonSchema | None = None) -> JsonSchema:
    """Return a schema of an object that has some of the keys, of whichever alternative. With `leaf`, each
    value that is no object has this schema."""
    properties: JsonSchema = {}
    for branch in branches(schema):
        for key, value in branch["properties"].items():
            new = partial(value, leaf) if branches(value) else leaf or value
            old = properties.get(key, new)
            properties[key] = new if old == new else {"anyOf": [old, new]}
    return of_keys(properties)


def explained(schema: JsonSchema, comments: Mapping[str, str], prefix: str = "") -> JsonSchema:
    """Return the schema with a description for each key: its comment, or the docstring of its own type, or of
    the type that it belongs to. `comments` has dotted keys."""
    made = {**schema}
    if "anyOf" in schema:
        made["anyOf"] = [explained(branch, comments, prefix) for branch in schema["anyOf"]]
    if "properties" in schema:
        made["properties"] = {}
        for key, value in schema["properties"].items():
            text = comments.get(f"{prefix}{key}") or value.get("description") or schema.get("description")
            made["properties"][key] = described = explained(value, comments, f"{prefix}{key}.")
            if text and "$ref" not in value:  # beside which the others do not count
                described["description"] = text
    return made


def yaml_comments(file: Path) -> dict[str, str]:
    """Return the comments beside the keys of a YAML file, by dotted keys."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()

    def found(node: Any, prefix: str) -> Iterator[tuple[str, str]]:
        for key, value in node.value:
            if comment := re.search(r"\s# (.*)", lines[key.start_mark.line]):
                first = f"{value.value} " if comment[1].startswith("or ") else ""
                yield f"{prefix}{key.value}", first + comment[1]
            if isinstance(value, yaml.MappingNode) and not value.flow_style:
                yield from found(value, f"{prefix}{key.value}.")

    return dict(found(yaml.compose(text, yaml.SafeLoader), ""))


def documented_keys(file: Path) -> dict[str, str]:
    """Return the meanings of keys from the tables of a page in Markdown that also have a default for each."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {key: f"{meaning}. Default: {default}" for key, meaning, default in rows}
