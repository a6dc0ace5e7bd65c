"""What the server takes and returns, as /docs shows it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Source(BaseModel):
    """The model that an answer is from."""

    name: str
    version: int | None = Field(description="of the registered model, if it is one")
    run: str | None = Field(description="the id of the run that trained it, if it is in MLflow")


class Served(Source):
    """The model that answers."""

    run_name: str | None
    run_url: str | None = Field(description="the page of the run, if there is a server that shows it")
    test_accuracy: float | None
    data: str | None
    classes: list[str]
    shape: list[int] = Field(description="height, width and channels of an image")


class Answer(BaseModel):
    """What a picture shows."""

    answer: str = Field(alias="class")
    confidence: float = Field(description="the probability of the class, from 0 to 1")
    probabilities: dict[str, float]
    model: Source
    seen: str | None = Field(None, description="the picture as the network sees it: a data URL with a PNG")


class Kept(BaseModel):
    """Where a picture is kept."""

    answer: str = Field(alias="class")
    file: str


class Refusal(BaseModel):
    """Why a request is refused."""

    error: str


BINARY = {"schema": {"type": "string", "format": "binary"}}
TAKES_PICTURE: Any = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"picture": BINARY["schema"]},
                    "required": ["picture"],
                }
            },
        },
    }
}
REFUSALS: Any = {
    400: {"model": Refusal, "description": "There is no picture that can be read"},
    408: {"model": Refusal, "description": "The picture takes too long to arrive"},
    413: {"model": Refusal, "description": "The request is too large"},
    503: {"model": Refusal, "description": "Too many pictures wait"},
    504: {"model": Refusal, "description": "The answer takes too long"},
}
