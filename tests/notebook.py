"""What the tutorial's notebook says and shows, read from its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = "notebooks/mnist_tutorial.ipynb"


def cells(root: Path, kind: str) -> list[Any]:
    """Return the cells of this kind, code or markdown, of the notebook in the project at `root`."""
    return [cell for cell in json.loads((root / FILE).read_text())["cells"] if cell["cell_type"] == kind]


def outputs(root: Path) -> list[list[Any]]:
    """Return the outputs of each code cell."""
    return [cell["outputs"] for cell in cells(root, "code")]


def printed(root: Path) -> str:
    """Return what the code cells print."""
    return "".join(line for cell in outputs(root) for each in cell for line in each.get("text", ()))


def set_parameters(root: Path, **values: object) -> None:
    """Give the notebook's first code cell these values."""
    notebook = json.loads((root / FILE).read_text())
    (cell,) = (each for each in notebook["cells"] if "parameters" in each["metadata"].get("tags", ()))
    names = [line.partition(" = ")[0] for line in cell["source"]]
    assert names == list(values)
    cell["source"] = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    (root / FILE).write_text(json.dumps(notebook))
