"""The README's example of a data set that nobody prepared: the letters of Debian's fonts."""

import json

import pytest

import letters
from project import Project


@pytest.mark.skipif(
    not all(font.file.is_file() for font in letters.listed_fonts()),
    reason="needs the fonts that `python examples/letters.py --packages` lists",
)
def test_the_letters_of_unknown_fonts_are_read(project: Project) -> None:
    assert "19,890 images of 26 letters, 85 fonts, 47 families" in project.run("make", "letters")
    output = project.run("dvc", "exp", "run", "-S", "data=letters", "-S", "epochs=3")
    assert "26 classes with 567 training images each" in output
    assert json.loads((project.root / "reports/metrics.json").read_text())["test_accuracy"] > 0.95
    (run,) = project.runs("metrics.test_accuracy >= 0")
    assert run.data.tags["classes"] == ", ".join(letters.LETTERS)
