"""Promote, predict and serve, as a person does. page/ has the tests of the page."""

from __future__ import annotations

import contextlib
import csv
import http.client
import io
import json
import re
import signal
from pathlib import Path

import requests

from digits.base import paths
from picture_files import write_drawings
from project import Project

NAME = f"{paths.NAME}-sample"


def promote(project: Project, *words: str) -> str:
    return project.run("python", "src/promote.py", *words)


def test_the_best_run_is_promoted_listed_and_rolled_back(trained: Project) -> None:
    good, poor = (run.info.run_id for run in sorted(trained.runs(), key=lambda run: -accuracy(run)))
    assert f"{NAME} version 1 is champion: accuracy 9" in promote(trained)
    assert "version 2 is challenger" in promote(trained, poor)
    assert promote(trained, poor, "force=true").startswith(f"{NAME} version 2 is champion")
    assert re.search(r"^ +2 +champion ", promote(trained, "list"), re.MULTILINE)
    assert promote(trained, "rollback") == f"{NAME} version 1 is champion again, in place of version 2\n"
    assert trained.client.get_model_version_by_alias(NAME, "champion").run_id == good


def accuracy(run: object) -> float:
    return float(run.data.metrics["val_accuracy"])  # type: ignore[attr-defined]


def test_two_promotions_at_once_end_with_one_champion(trained: Project) -> None:
    good, poor = (run.info.run_id for run in sorted(trained.runs(), key=lambda run: -accuracy(run)))
    command = ("python", "src/promote.py")
    with trained.started(*command, poor) as first, trained.started(*command, good) as second:
        for process in (first, second):
            output, _ = process.communicate()
            assert process.returncode == 0, output
    assert trained.client.get_model_version_by_alias(NAME, "champion").run_id == good
    versions = trained.client.search_model_versions(f"name = '{NAME}'")
    assert sorted(version.version for version in versions) in ([1, 2], ["1", "2"])


def test_drawn_digits_are_recognised_since_they_are_prepared(trained: Project, tmp_path: Path) -> None:
    count = write_drawings(tmp_path / "drawn", 0)
    promote(trained)
    right = {}
    for prepare in ("auto", "none"):
        words = (str(tmp_path / "drawn"), f"prepare={prepare}", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(trained.run("python", "src/predict.py", *words))))
        assert len(rows) == count  # and no other line
        right[prepare] = sum(Path(row["picture"]).parent.name == row["class"] for row in rows) / count
    assert right["auto"] > 0.85
    assert right["none"] < 0.5


def test_it_ends_in_order_and_finishes_what_it_has_begun(trained: Project, tmp_path: Path) -> None:
    write_drawings(tmp_path / "drawn", 1)
    content = next((tmp_path / "drawn/7").glob("plain*")).read_bytes()
    promote(trained)
    with trained.serving() as (address, process):
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content[:100])
        assert requests.get(f"{address}/ping").status_code == 200  # after the server has read the head, too
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(requests.ConnectionError):
            while requests.get(f"{address}/ping").status_code == 200:
                pass
        connection.send(content[100:])
        assert json.loads(connection.getresponse().read())["class"] == "7"
        connection.close()
        assert process.wait() == 0
        assert process.stdout
        assert process.stdout.read() == ""


def test_an_address_that_is_taken_is_one_line(trained: Project) -> None:
    promote(trained)
    with trained.serving() as (address, _):
        port = address.rpartition(":")[2]
        output = trained.run("python", "src/serve.py", "--port", port, code=1)
    expected = (
        f"error: port: cannot listen on 127.0.0.1, port {port}: Address already in use; name another one"
    )
    assert output == f"{expected}\n"


def test_without_a_champion_it_is_said_what_to_do(prepared: Project) -> None:
    for script in ("predict.py", "serve.py"):
        words = ("picture.png",) if script == "predict.py" else ()
        output = prepared.run("python", f"src/{script}", *words, "data=letters", code=1)
        assert output.startswith(
            f"error: model: {paths.NAME}-letters has no champion; `python src/promote.py data=letters` makes "
        )
