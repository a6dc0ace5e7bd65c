"""The tutorial's document and its executed notebook, as they are committed."""

import ast
import itertools
import re
from pathlib import Path

import pytest

import notebook
from digits.base.paths import ROOT

DOCUMENT = ROOT / "docs/tutorial.md"
NOTEBOOK = ROOT / notebook.FILE
STEPS = ("Load and look", "Reshape", "Normalise", "Build", "Train", "Evaluate")
FUNCTION = re.compile(r"\[`(\w+)\.(\w+)`\]\(([^)]+)\)")  # [`module.function`](file)


def text(file: Path) -> str:
    """Return what a person reads in the document, or in the notebook between its code."""
    if file == DOCUMENT:
        return file.read_text()
    return "\n\n".join("".join(cell["source"]) for cell in notebook.cells(ROOT, "markdown"))


@pytest.mark.parametrize("file", [DOCUMENT, NOTEBOOK])
def test_links_lead_to_files(file: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text(file)) if "://" not in link]
    assert len(links) > 6
    for link in links:
        assert (file.parent / link).is_file(), link


@pytest.mark.parametrize("file", [DOCUMENT, NOTEBOOK])
def test_functions_that_are_named_are_in_the_files_that_are_named(file: Path) -> None:
    named = FUNCTION.findall(text(file))
    assert len(named) >= len(STEPS)
    for module, function, link in named:
        assert Path(link).stem == module
        tree = ast.parse((file.parent / link).read_text())
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert function in defined, f"{module}.{function}"


@pytest.mark.parametrize(("file", "heading"), [(DOCUMENT, "| {} |"), (NOTEBOOK, "## {}\n")])
def test_each_step_names_the_function_that_does_it(file: Path, heading: str) -> None:
    rest = text(file)
    for number, step in enumerate(STEPS, start=1):
        _, found, rest = rest.partition(heading.format(f"{number}. {step}"))
        assert found, step
        assert FUNCTION.search(re.split(r"\n\n|\n\|", rest.lstrip())[0]), step


def test_the_notebook_was_executed_from_the_first_cell_to_the_last() -> None:
    counts = [cell["execution_count"] for cell in notebook.cells(ROOT, "code")]
    assert counts == list(range(1, len(counts) + 1))


def test_the_notebook_shows_neither_errors_nor_what_is_of_one_machine() -> None:
    for output in itertools.chain(*notebook.outputs(ROOT)):
        assert output["output_type"] != "error"
        assert output.get("name", "stdout") == "stdout"
    assert not re.search(r"(?<!\w)/\w+/", notebook.printed(ROOT))  # an absolute path


def test_the_notebook_is_small() -> None:
    assert NOTEBOOK.stat().st_size < 300_000  # bytes


def test_the_document_states_the_figures_of_the_notebook() -> None:
    printed = notebook.printed(ROOT)
    shapes = re.findall(r"\(\d+, 28, 28(?:, 1)?\)", printed)
    accuracies = re.findall(r"([\d.]+)% of the test images", printed)
    parameters = re.findall(r"([\d,]+) parameters", printed)
    assert (len(shapes), len(accuracies), len(parameters)) == (5, 1, 1)
    for figure in (*shapes, *accuracies, *parameters):
        assert figure in text(DOCUMENT)
