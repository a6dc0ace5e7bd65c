"""End-to-end tests run the commands as a person does, in copies of the project."""

from templates import (
    finished,
    finished_copy,
    finished_template,
    prepared,
    prepared_template,
    project,
    swept,
    trained,
    trained_template,
)

__all__ = [
    "finished",
    "finished_copy",
    "finished_template",
    "prepared",
    "prepared_template",
    "project",
    "swept",
    "trained",
    "trained_template",
]
