"""Schemas, and the words for what is wrong with a configuration."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError

from digits.base.errors import UserError
from digits.base.section import Section, flatten, unknown_key, validate


class Square(Section):
    kind: Literal["square"]
    side: PositiveInt


class Circle(Section):
    kind: Literal["circle"]
    radius: PositiveFloat


class Drawing(Section):
    shape: Annotated[Square | Circle, Field(discriminator="kind")]
    sizes: Annotated[list[PositiveInt], Field(max_length=3)]
    copies: PositiveInt
    scale: float


SQUARE = {"kind": "square", "side": 3}
VALUES: dict[str, Any] = {"shape": SQUARE, "sizes": [1, 2], "copies": 1, "scale": 0.5}


def refusal(changes: dict[Any, Any], accept_auto: tuple[str, ...] = (), source: str = "a.yaml") -> str:
    with pytest.raises(UserError) as error:
        validate(Drawing, VALUES | changes, lambda _: source, accept_auto)
    return str(error.value)


def test_right_values_become_the_schema() -> None:
    drawing = validate(Drawing, VALUES, lambda _: "")
    assert drawing.shape == Square(kind="square", side=3)
    assert drawing.model_dump() == VALUES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"copies": 0}, "copies: input should be greater than 0, not 0 (a.yaml)"),
        ({"copies": "3"}, "copies: input should be a valid integer, not '3' (a.yaml)"),
        ({"scale": True}, "scale: input should be a valid number, not True (a.yaml)"),
        ({"scale": float("nan")}, "scale: input should be a finite number, not nan (a.yaml)"),
        ({"scale": float("inf")}, "scale: input should be a finite number, not inf (a.yaml)"),
        ({"sizes": [1, -1]}, "sizes.1: input should be greater than 0, not -1 (a.yaml)"),
        ({"colour": "red"}, "unknown key colour; allowed: shape, sizes, copies, scale (a.yaml)"),
        ({3: "red", "b": 1}, "unknown key 3, b; allowed: shape, sizes, copies, scale (a.yaml)"),
        ({None: 1, ("a", 2): 1}, "unknown key ('a', 2), None; allowed: shape, sizes, copies, scale (a.yaml)"),
    ],
)
def test_a_problem_names_the_key_what_is_allowed_and_the_source(
    changes: dict[Any, Any], message: str
) -> None:
    assert refusal(changes).removeprefix("configuration: ") == message


def test_a_wrong_length_is_stated_once() -> None:
    expected = "sizes: list should have at most 3 items after validation, not 4 (a.yaml)"
    assert refusal({"sizes": [1, 2, 3, 4]}) == expected


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"kind": "square", "side": 0}, "shape.side: input should be greater than 0, not 0 (a.yaml)"),
        ({"kind": "square"}, "shape.side: field required (a.yaml)"),
        (SQUARE | {"radius": 1}, "shape: unknown key radius; allowed: kind, side (a.yaml)"),
        (SQUARE | {4: 1}, "shape: unknown key 4; allowed: kind, side (a.yaml)"),
        (
            SQUARE | {"kind": "star"},
            "shape: input tag 'star' found using 'kind' does not match any of the expected tags: 'square', "
            "'circle' (a.yaml)",
        ),
    ],
)
def test_the_branch_of_a_union_is_no_part_of_the_key(shape: dict[Any, Any], message: str) -> None:
    assert refusal({"shape": shape}) == message


def test_several_problems_are_one_line() -> None:
    assert refusal({"copies": 0, "shape": SQUARE | {"side": -1}}) == (
        "shape.side: input should be greater than 0, not -1 (a.yaml); "
        "copies: input should be greater than 0, not 0 (a.yaml)"
    )


def test_a_key_that_may_be_auto_says_so() -> None:
    assert refusal({"copies": 0}, accept_auto=("copies",)) == (
        "copies: input should be greater than 0 or auto, not 0 (a.yaml)"
    )


def test_without_a_source_there_are_no_parentheses() -> None:
    assert refusal({"copies": 0}, source="") == "copies: input should be greater than 0, not 0"


def test_the_source_is_asked_for_the_parts_of_the_key() -> None:
    asked: list[list[str]] = []

    def source(path: list[str]) -> str:
        asked.append(path)
        return ""

    with pytest.raises(UserError):
        validate(Drawing, VALUES | {"sizes": [-1], "shape": {"kind": "circle"}}, source)
    assert asked == [["shape", "radius"], ["sizes", "0"]]


def test_a_configuration_cannot_be_changed() -> None:
    drawing = validate(Drawing, VALUES, lambda _: "")
    with pytest.raises(ValidationError, match="frozen"):
        drawing.copies = 2  # type: ignore[misc]


def test_unknown_keys_are_sorted_and_the_allowed_ones_keep_their_order() -> None:
    assert unknown_key({"z", "a"}, ["two", "one"]) == "unknown key a, z; allowed: two, one"


def test_flatten_yields_the_leaves_with_dotted_keys() -> None:
    nested = {"a": 1, "b": {"c": [2, 3], "d": {"e": None}}, "empty": {}}
    assert dict(flatten(nested)) == {"a": 1, "b.c": [2, 3], "b.d.e": None}
