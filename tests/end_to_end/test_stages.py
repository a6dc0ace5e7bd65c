"""dvc.yaml names for each stage what the stage imports and reads."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from project import STAGES, Project, stages_run

LIGHT = ("fetch", "preprocess")
HEAVY = {"tensorflow", "keras", "mlflow", "digits.recipe", "digits.models"}


@pytest.fixture(scope="module")
def output(finished_template: Path) -> str:
    """What DVC and the stages printed, with a line for each module that Python imported."""
    return (finished_template / "output.txt").read_text()


@pytest.fixture(scope="module")
def imported(output: str) -> dict[str, set[str]]:
    """The modules that each stage imported."""
    _, *parts = re.split(r"^Running stage '(\w+)':$", output, flags=re.MULTILINE)
    lines = {stage: text.splitlines() for stage, text in zip(parts[::2], parts[1::2], strict=True)}
    return {
        stage: {line.rpartition("|")[2].strip() for line in of_stage if line.startswith("import time:")}
        for stage, of_stage in lines.items()
    }


def sources(project: Project, modules: set[str]) -> set[Path]:
    """Return the files of those modules that are the project's own.

    Left out are files that contain only a docstring, which cannot change what a stage does, and
    hydra_plugins: Hydra imports all plugins at each start, but no stage uses one.
    """
    src = project.root / "src"
    paths = [src / module.replace(".", "/") for module in modules]
    candidates = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    existing = {file for file in candidates if file.exists() and "hydra_plugins" not in file.parts}
    return {file.relative_to(project.root) for file in existing if has_code(file)}


def has_code(file: Path) -> bool:
    return any(not isinstance(node, ast.Expr) for node in ast.parse(file.read_text()).body)


def source_deps(project: Project, stage: str) -> set[Path]:
    stages = yaml.safe_load((project.root / "dvc.yaml").read_text())["stages"]
    return {Path(dep) for dep in stages[stage]["deps"] if dep.startswith("src/")}


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_imports_lies_in_its_dependencies(
    finished: Project, imported: dict[str, set[str]], stage: str
) -> None:
    used = sources(finished, imported[stage]) | {Path(f"src/{stage}.py")}
    assert len(used) > 10
    deps = source_deps(finished, stage)
    assert {file for file in used if not deps & {file, *file.parents}} == set()
    assert finished.ignored_by_dvc(used) == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_something_of_each_dependency(
    finished: Project, imported: dict[str, set[str]], stage: str
) -> None:
    used = sources(finished, imported[stage]) | {Path(f"src/{stage}.py")}
    reached = used | {parent for file in used for parent in file.parents}
    assert source_deps(finished, stage) <= reached


@pytest.mark.parametrize("stage", LIGHT)
def test_early_stages_import_nothing_heavy(imported: dict[str, set[str]], stage: str) -> None:
    assert "digits.config.compose" in imported[stage]
    assert not HEAVY & imported[stage]


def test_importing_the_light_packages_starts_nothing(finished: Project) -> None:
    code = (
        "import sys; sys.path.insert(0, 'src'); import digits.cli, digits.config.schema; "
        "import digits.data.pipeline, digits.experiment.run, digits.search.sweep, digits.search.tuning; "
        "print([m for m in ('tensorflow', 'keras', 'mlflow', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    assert finished.run("python", "-c", code) == "[]\n"


def test_repro_runs_all_stages_and_a_second_one_none(finished_copy: Project, output: str) -> None:
    assert stages_run(output) == list(STAGES)
    assert list((finished_copy.root / "src").rglob("__pycache__"))  # which .dvcignore has to exclude
    again = finished_copy.run("dvc", "repro")
    assert stages_run(again) == []
    assert again.count("didn't change, skipping") == len(STAGES)
    assert finished_copy.changes() == ""
