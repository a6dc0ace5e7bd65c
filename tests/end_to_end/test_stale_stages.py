"""An edit makes stale just the stages that read what was edited."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from project import Project

NEW_VALUES = {  # of each key of params.yaml, with the first stage that reads it
    "data": ("mnist", "fetch"),
    "split_seed": (1, "preprocess"),
    "validation": (0.2, "preprocess"),
    "model": ("small", "train"),
    "recipe": ("sprint", "train"),
    "optimizer": ("adam", "train"),
    "schedule": ("cosine", "train"),
    "epochs": (2, "train"),
    "batch_size": (50, "train"),
    "learning_rate": (0.1, "train"),
    "seed": (1, "train"),
    "overrides": (["model.dropout=0.5"], "train"),
    "threads": (1, None),
}


@pytest.fixture(scope="module")
def own_copy(finished_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished project for the tests of this module."""
    copy = tmp_path_factory.mktemp("stale") / "copy"
    shutil.copytree(finished_template, copy, symlinks=True)
    own = Project(copy / "project")
    assert own.stale_stages() == []
    return own


@pytest.fixture
def edited(own_copy: Project) -> Iterator[Project]:
    """A finished project of which nothing is stale yet. What a test edits is restored."""
    yield own_copy
    own_copy.run("git", "checkout", "--quiet", ".")


def first_stale(project: Project) -> str | None:
    return next(iter(project.stale_stages()), None)


def test_all_keys_of_params_are_in_the_table(finished: Project) -> None:
    assert set(yaml.safe_load((finished.root / "params.yaml").read_text())) == set(NEW_VALUES)


@pytest.mark.parametrize("key", NEW_VALUES)
def test_a_key_makes_stale_just_what_reads_it(edited: Project, key: str) -> None:
    value, expected = NEW_VALUES[key]
    file = edited.root / "params.yaml"
    values = yaml.safe_load(file.read_text())
    assert values[key] != value
    file.write_text(yaml.safe_dump(values | {key: value}))
    assert first_stale(edited) == expected


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("conf/config.yaml", "resume: auto", "resume: true", None),
        ("conf/data/mnist.yaml", "mirrors:\n", "mirrors:\n  - http://127.0.0.1:9/\n", None),
        ("conf/model/tutorial.yaml", "units: 100", "units: 50", None),
        ("conf/recipe/tutorial.yaml", "batch_size: 32", "batch_size: 64", None),
        ("conf/search/compact.yaml", "trials: 20", "trials: 10", None),
        ("conf/tune.yaml", "study: auto", "study: mine", None),
        ("src/compare.py", '"""Rank', '"""Really rank', None),
        ("src/experiment.py", '"""Train', '"""Really train', None),
        ("src/digits/reports/ranking.py", '"""Rank', '"""Really rank', None),
        ("src/digits/search/sweep.py", '"""Run', '"""Really run', None),
        ("src/hydra_plugins/tracked_sweeper.py", '"""Hydra', '"""The Hydra', None),
        ("conf/data/sample.yaml", "test: 1000", "test: 900", "fetch"),
        ("src/digits/data/sources.py", '"""Get', '"""Really get', "fetch"),
        ("src/preprocess.py", '"""Check', '"""Really check', "preprocess"),
        ("conf/model/compact.yaml", "dropout: 0.3", "dropout: 0.2", "train"),
        ("conf/optimizer/sgd.yaml", "momentum: 0.9", "momentum: 0.8", "train"),
        ("conf/recipe/onecycle.yaml", "shift: 1", "shift: 2", "train"),
        ("conf/schedule/onecycle.yaml", "warmup: 0.3", "warmup: 0.2", "train"),
        ("src/digits/learning/evaluation.py", '"""', '"""Really: ', "train"),
        ("src/digits/models/networks.py", '"""The networks', '"""Networks', "train"),
        ("src/digits/tracking/runs.py", '"""Record', '"""Really record', "train"),
        ("src/evaluate.py", '"""Score', '"""Really score', "evaluate"),
    ],
)
def test_an_edit_makes_stale_just_what_reads_it(
    edited: Project, file: str, old: str, new: str, expected: str | None
) -> None:
    edited.edit(file, old, new)
    assert first_stale(edited) == expected


def test_a_new_key_of_the_recipe_does_not_fetch_the_images_again(edited: Project) -> None:
    edited.edit(
        "src/digits/recipe.py",
        "    micro_batches: PositiveInt\n",
        "    micro_batches: PositiveInt\n    cutout: Share = 0\n",
    )
    edited.edit("conf/recipe/onecycle.yaml", "  shift: 1", "  cutout: 0.1\n  shift: 1")
    assert edited.stale_stages() == ["train", "evaluate"]
