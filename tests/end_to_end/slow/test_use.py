"""Use a model with a tracking server, and train on what it got wrong."""

import json
import re
from pathlib import Path

import requests

from digits.base import paths
from picture_files import write_drawings
from project import STAGES, Project, stages_run
from support import free_port

NAME = f"{paths.NAME}-sample"


def test_a_model_is_trained_on_what_another_got_wrong(finished_copy: Project, tmp_path: Path) -> None:
    write_drawings(tmp_path / "drawn", 2)
    project = finished_copy
    with project.serving("model=models/model.keras") as (address, _):
        for picture in (tmp_path / "drawn/3").iterdir():
            kept = requests.post(f"{address}/corrections?class=3", picture.read_bytes())
            assert (project.root / kept.json()["file"]).read_bytes() == picture.read_bytes()
    document = (project.root / "docs/serving.md").read_text().partition("### Learn from mistakes")[2]
    commands = re.findall(r"^    (.*)$", document.partition("###")[0], re.MULTILINE)
    assert len(commands) == 4
    output = project.run("bash", "-ec", "\n".join(commands))
    assert "10 classes with 360 to 372 training images each" in output
    assert stages_run(output) == list(STAGES)


def test_everything_works_with_a_tracking_server(project: Project, tmp_path: Path) -> None:
    folder, port = tmp_path / "server", free_port()
    folder.mkdir()
    there = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
    write_drawings(tmp_path / "drawn", 3)
    picture = next((tmp_path / "drawn/1").glob("plain*"))
    with project.server(folder, port):
        project.run("python", "src/experiment.py", "epochs=4", environment=there)
        output = project.run("python", "src/promote.py", environment=there)
        assert f"{NAME} version 1 is champion" in output
        answer = project.run("python", "src/predict.py", str(picture), "--format", "json", environment=there)
        assert json.loads(answer)["picture"] == str(picture)
        with project.serving(environment=there) as (address, _):
            found = requests.get(f"{address}/model").json()
            assert (found["name"], found["version"], found["data"]) == (NAME, 1, "sample")
            assert found["run_url"].startswith(f"http://127.0.0.1:{port}/#/experiments/")
            assert requests.post(f"{address}/predict", picture.read_bytes()).json()["model"]["version"] == 1
    assert not project.runs()
