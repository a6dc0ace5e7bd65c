"""The tutorial's notebook, executed on data=sample as its readers execute it."""

import itertools
import re
from pathlib import Path

import pytest

import notebook
from copies import copy_trained
from project import Project
from support import ROOT

NUMBER = re.compile(r"\d[\d.,]*(?:e-\d+)?")


@pytest.fixture(scope="module")
def executed(trained_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which the notebook was executed. A run of the tutorial's network with the same values is
    recorded in it. To be read only."""
    project = copy_trained(trained_template, tmp_path_factory.mktemp("tutorial") / "copy")
    notebook.set_parameters(project.root, data="sample", epochs=1)
    project.run("jupyter", "execute", "--inplace", notebook.FILE)
    return project


def without_numbers(root: Path) -> list[list[str]]:
    """Return what each code cell shows, without its numbers: the lines of its texts, of which equal ones that
    follow each other are one, and the kinds of its other outputs."""
    shown = []
    for cell in notebook.outputs(root):
        lines = [
            line
            for each in cell
            for line in (
                [
                    f"{each['name']}: {NUMBER.sub('#', ' '.join(text.split()))}"
                    for text in "".join(each["text"]).splitlines()
                ]
                if each["output_type"] == "stream"
                else sorted(each["data"])
            )
        ]
        shown.append([line for line, _ in itertools.groupby(lines)])
    return shown


def test_its_model_is_that_of_the_experiment_with_the_same_values(executed: Project) -> None:
    text = notebook.printed(executed.root)
    assert "training images (4000, 28, 28), labels (4000,)\ntest images (1000, 28, 28)" in text
    assert "train      images (3600, 28, 28, 1) uint8, labels (3600,)" in text
    assert "float32 from 0.0 to 1.0" in text
    assert "542,230 parameters" in text
    scores = executed.runs("params.model = 'tutorial'")[0].data.metrics
    assert scores["test_accuracy"] > 0.7
    assert f"{scores['test_accuracy']:.2%} of the test images are right" in text
    assert f"val_loss {scores['val_loss']:.4f} " in text


def test_it_leaves_what_git_dvc_and_mlflow_keep_as_it_is(executed: Project) -> None:
    assert executed.changes() == f" M {notebook.FILE}\n"
    assert not {"fetch", "preprocess"} & set(executed.stale_stages())
    assert len(executed.runs()) == 2  # as before


def test_its_committed_outputs_are_those_of_its_present_source(executed: Project) -> None:
    assert without_numbers(executed.root) == without_numbers(ROOT)
