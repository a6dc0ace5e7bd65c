"""Schemas are closed, complete without references, and explained by comments and docstrings."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from digits.base.section import Section
from digits.development import json_schema


class Circle(Section):
    """A circle
    with a radius."""

    kind: Literal["circle"]
    radius: Annotated[float, Field(gt=0)]


class Square(Section):
    """A square."""

    kind: Literal["square"]
    side: int


class Drawing(Section):
    shape: Annotated[Circle | Square, Field(discriminator="kind")]
    title: str = "none"


@pytest.fixture
def drawing() -> dict[str, Any]:
    return json_schema.of_type(Drawing)


def test_a_schema_has_no_references_and_no_other_keys(drawing: dict[str, Any]) -> None:
    assert not {"$defs", "title"} & {*drawing}
    assert {*drawing["properties"]} == {"shape", "title"}
    circle, square = drawing["properties"]["shape"]["anyOf"]
    for schema in (drawing, circle, square):
        assert schema["additionalProperties"] is False
    assert circle["description"] == "A circle with a radius."
    assert circle["properties"]["radius"] == {"type": "number", "exclusiveMinimum": 0}


def test_a_partial_schema_takes_the_keys_of_all_alternatives_and_requires_none(
    drawing: dict[str, Any],
) -> None:
    shape = json_schema.partial(drawing)["properties"]["shape"]
    assert {*shape["properties"]} == {"kind", "radius", "side"}
    assert [each["const"] for each in shape["properties"]["kind"]["anyOf"]] == ["circle", "square"]
    assert "required" not in shape
    leaves = json_schema.partial(drawing, {"type": "null"})["properties"]["shape"]["properties"]
    assert all(leaf == {"type": "null"} for leaf in leaves.values())


def test_a_key_is_left_out_of_all_alternatives(drawing: dict[str, Any]) -> None:
    shape = json_schema.without_key(drawing["properties"]["shape"], "kind")
    assert [(list(each["properties"]), each["required"]) for each in shape["anyOf"]] == [
        (["radius"], ["radius"]),
        (["side"], ["side"]),
    ]


def test_a_comment_explains_a_key_and_otherwise_a_docstring_does(drawing: dict[str, Any]) -> None:
    shape = json_schema.explained(drawing, {"shape.radius": "in metres"})["properties"]["shape"]
    circle, square = (each["properties"] for each in shape["anyOf"])
    assert circle["radius"]["description"] == "in metres"
    assert circle["kind"]["description"] == "A circle with a radius."
    assert square["side"]["description"] == "A square."
    assert "description" not in drawing["properties"]["shape"]["anyOf"][1]["properties"]["side"]


def test_the_comments_of_a_file_have_dotted_keys(tmp_path: Path) -> None:
    file = tmp_path / "drawing.yaml"
    file.write_text(
        "# a drawing\nshape: # what is drawn\n  kind: circle # or square\n  radius: 1\n"
        "link: page#top\ncolors: { front: red, back: blue } # two\n"
    )
    assert json_schema.yaml_comments(file) == {
        "shape": "what is drawn",
        "shape.kind": "circle or square",
        "colors": "two",
    }


def test_a_page_explains_the_keys_that_have_a_default(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(
        "| key | meaning | default |\n|---|---|---|\n| `size` | in pixels | `32` |\n| `a` | b |\n"
    )
    assert json_schema.documented_keys(file) == {"size": "in pixels. Default: `32`"}


def test_a_signature_allows_other_keys_only_with_two_stars() -> None:
    def closed(radius: float) -> None: ...
    def open_(radius: float, **others: object) -> None: ...

    made = [json_schema.of_signature(function) for function in (closed, open_)]
    assert [schema["additionalProperties"] for schema in made] == [False, True]
    assert all(schema["properties"] == {"radius": {"type": "number"}} for schema in made)
