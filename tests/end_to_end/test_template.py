"""A project of one's own, begun with `make template`."""

from pathlib import Path

from mlflow import MlflowClient

from project import Project


def test_a_new_project_passes_its_checks_and_trains_under_its_own_name(
    prepared: Project, tmp_path: Path
) -> None:
    project = Project(tmp_path / "flowers")
    output = prepared.run("make", "template", f"DEST={project.root}")
    assert f"cd {project.root}\ngit commit " in output  # git has no identity here
    project.commit()
    project.run("ruff", "check")
    project.run("ruff", "format", "--check")
    project.run("python", "src/schemas.py", "--check")
    tests = ("tests/unit/base/test_paths.py", "tests/unit/development/test_schemas.py")
    project.run("pytest", "-q", "-n", "0", *tests)
    for script in ("fetch", "preprocess"):
        project.run("python", f"src/{script}.py", "data=sample", "out=.")
    project.run("python", "src/experiment.py", "data=sample", "model=small", "recipe=sprint")
    client = MlflowClient(project.store)
    (experiment,) = client.search_experiments(filter_string="name != 'Default'")
    assert experiment.name == "flowers"
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics["test_accuracy"] > 0.5
    assert {line.split("/")[0] for line in project.changes().splitlines()} == {"?? reports"}


def test_a_folder_that_cannot_be_used_is_one_line(prepared: Project, tmp_path: Path) -> None:
    (tmp_path / "flowers").mkdir()
    (tmp_path / "flowers/mine.txt").touch()
    assert "error: DEST: name the folder of the new project: " in prepared.run("make", "template", code=2)
    output = prepared.run("make", "template", f"DEST={tmp_path}/flowers", code=2)
    error, *of_make = output.splitlines()
    assert error == f"error: DEST: {tmp_path}/flowers exists; name a folder that does not, or is empty"
    assert len(of_make) == 1
    assert [file.name for file in (tmp_path / "flowers").iterdir()] == ["mine.txt"]
