"""What the targets of the Makefile do. `make ui` is in test_ui.py."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from copies import copy_checkout
from project import IDENTITY, STAGES, Project, stages_run

SUITES = ("benchmarks", "end_to_end", "end_to_end/slow", "unit")


def locked(text: str) -> dict[str, object]:
    """Return the digests of everything that the stages wrote, according to a dvc.lock."""
    return {stage: content["outs"] for stage, content in yaml.safe_load(text)["stages"].items()}


def test_run_works_without_a_git_identity_is_repeated_from_the_cache_and_gives_the_same_bits_anywhere(
    finished: Project, tmp_path: Path
) -> None:
    project = copy_checkout(tmp_path)
    project.commit()
    for name in IDENTITY:
        del project.environment[name]
    first, second = (project.run("make", "run") for _ in range(2))
    assert stages_run(first) == list(STAGES)
    assert stages_run(second) == []
    (run,) = project.runs()
    for output in (first, second):
        assert f"{run.data.metrics['test_accuracy']:.2%}" in output
        assert "make ui" in output
    assert project.changes() == ""
    refs = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    (experiment,) = (ref for ref in refs if ref.endswith(f"/{run.data.tags['dvc_experiment']}"))
    lock = project.run("git", "show", f"{experiment}:dvc.lock")
    assert locked(lock) == locked((finished.root / "dvc.lock").read_text())


def test_help_lists_all_targets(finished: Project) -> None:
    phony = re.search(r"^\.PHONY: (.*)", (finished.root / "Makefile").read_text(), re.MULTILINE)
    assert phony
    listed = [line.split()[0] for line in finished.run("make", "help").splitlines()]
    assert listed == phony[1].split()
    tests = ["test", "test-fast", "test-slow", "test-servers", "test-benchmarks"]
    work = ["check", "format", "schemas", "template"]
    others = "promote serve compare sync ui plots bench export-setup team-setup lock audit fuzz"
    assert listed == ["help", "setup", "run", "letters", *tests, *work, *others.split()]


@pytest.mark.parametrize(
    ("target", "suites"),
    [
        ("test", ["end_to_end", "unit"]),
        ("test-fast", ["unit"]),
        ("test-slow", ["end_to_end/slow"]),
        ("test-benchmarks", ["benchmarks"]),
    ],
)
def test_each_test_target_runs_its_suites(project: Project, target: str, suites: list[str]) -> None:
    shutil.rmtree(project.root / "tests")
    for suite in SUITES:
        file = project.root / "tests" / suite / "test_one.py"
        file.parent.mkdir(parents=True)
        file.write_text("def test_one() -> None: ...\n")
    output = project.run("make", target, environment={"PYTEST_ADDOPTS": "--collect-only -q"})
    assert [suite for suite in SUITES if f"tests/{suite}/test_one.py" in output] == suites


def test_format_mends_what_it_can(project: Project) -> None:
    for folder in ("benchmarks", "src/digits", "tests"):
        shutil.rmtree(project.root / folder)
    file = project.root / "src/untidy.py"
    file.write_text("import sys\nimport os\nprint( os.name,sys.path )\n")
    project.run("make", "format")
    assert file.read_text() == "import os\nimport sys\n\nprint(os.name, sys.path)\n"


@pytest.mark.parametrize("target", ["check", "bench", "lock", "setup"])
def test_slow_targets_call_what_exists(finished: Project, target: str) -> None:
    plan = finished.run("make", "--always-make", "--dry-run", target, "PYTHON=python")
    commands = [line.split() for line in plan.splitlines() if re.match(r"(ruff|mypy|python|uv) ", f"{line} ")]
    assert commands
    for program, *words in commands:
        assert program == "uv" or shutil.which(program, path=finished.environment["PATH"])
        scripts = [word for word in words if word.endswith(".py")]
        assert all((finished.root / name).exists() for name in scripts)


def test_audit_fails_if_it_can_check_nothing(finished: Project) -> None:
    nowhere = {
        name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "http_proxy")
    }
    output = finished.run("make", "audit", code=2, environment=nowhere | {"NO_PROXY": "", "no_proxy": ""})
    assert "No known vulnerabilities found" not in output


def test_compare_passes_the_filter_on(finished: Project, finished_copy: Project) -> None:
    finished_copy.environment["MLFLOW_TRACKING_URI"] = finished.store
    output = finished_copy.run("make", "compare", "FILTER=params.model = 'small'", code=2)
    assert "error: metric: none of the 0 runs that were selected has val_accuracy" in output
