"""A command that an error names helps, and does no harm: params.yaml and the list of experiments stay as they
were."""

import re
from pathlib import Path

import pytest

from copies import copy_checkout
from project import Project

DATA = "data=sample"


@pytest.fixture
def clone(tmp_path: Path) -> Project:
    """A project in which nothing has run."""
    project = copy_checkout(tmp_path)
    project.commit()
    return project


def follow(project: Project, hint: str, *command: str) -> None:
    """Run a command that is refused, then the command that the pattern `hint` finds in its error, and the
    first one again."""
    refused = project.run(*command, code=1)
    assert len(refused.splitlines()) == 1
    found = re.search(hint, refused)
    assert found, refused
    project.run("sh", "-c", found[1])
    project.run(*command)


def test_hints_make_the_refused_commands_work_and_leave_params_and_experiments_alone(clone: Project) -> None:
    before = (clone.root / "params.yaml").read_bytes()
    words = (DATA, "model=small", "recipe=sprint", "validation=0.2")
    train = ("python", "src/train.py", *words, "out=outputs/it")
    follow(clone, "fetch the images: (.*)", "python", "src/preprocess.py", DATA)
    follow(clone, "prepare the data: (.*)", *train)
    follow(clone, "prepare the data: (.*)", "python", "src/export_images.py", "data=digits8")
    follow(clone, "prepare the data: (.*)", *train)
    follow(clone, "train a model, as models/model.keras: (.*)", "python", "src/evaluate.py", *words)
    follow(clone, "`(python src/promote.py .*)` registers", "python", "src/promote.py", "list", DATA)
    assert (clone.root / "params.yaml").read_bytes() == before
    assert "params.yaml" not in clone.changes()
    assert clone.run("dvc", "exp", "list", "--name-only").split() == []


def test_what_a_failed_experiment_left_in_params_yaml_is_restored_as_the_error_says(clone: Project) -> None:
    before = (clone.root / "params.yaml").read_bytes()
    for setting in ("model=resnet", "+modle=compact", "validation=0.9", "split_seed=abc", "~seed"):
        output = clone.run("dvc", "exp", "run", "-S", setting, code=255)
        assert (clone.root / "params.yaml").read_bytes() != before
        (line,) = (line for line in output.splitlines() if line.startswith("error: "))
        remedy = line.partition("params.yaml; to restore it: ")[2].rstrip(")")
        clone.run("sh", "-c", remedy)
        assert (clone.root / "params.yaml").read_bytes() == before


def test_a_command_that_is_refused_leaves_nothing(clone: Project) -> None:
    before = clone.run("git", "status", "--porcelain"), set(clone.root.iterdir())
    slips = ("seed=abc", "model=nope", "--epochs=3", "epochs = 3", "-m seed=0,abc")
    for words in (*slips, "-m seed=0,1", DATA):  # of the last two the images are not prepared
        assert clone.run("python", "src/experiment.py", *words.split(), code=1).startswith("error: ")
    for words in ("search.trials=0", "recipe=sprint"):
        assert clone.run("python", "src/tune.py", *words.split(), code=1).startswith("error: ")
    assert (clone.run("git", "status", "--porcelain"), set(clone.root.iterdir())) == before
