"""Every command of the README, in its order, in a fresh checkout."""

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from copies import copy_checkout
from picture_files import write_drawings, write_photos
from project import Project, read_until
from support import ROOT, free_port

README = (ROOT / "README.md").read_text()
PROGRAMS = ("make", "dvc", "python")
SERVERS = ("make ui", "make serve")


def commands(document: str) -> list[str]:
    """Return the commands of a document in Markdown: the lines of its blocks, with what follows a <<END, and
    those between backquotes that say all there is to type and were not there before."""
    found: list[str] = []
    here = r"^    (?P<here>\S.*<<END\n(?:    .*\n)*?    END)$"
    for match in re.finditer(rf"{here}|^    (?P<line>\S.*)$|`(?P<inline>[^`\n]+)`", document, re.MULTILINE):
        if inline := match["inline"]:
            if inline.split()[0] in PROGRAMS and "..." not in inline and inline not in found:
                found.append(inline)
        else:
            found.append(match["here"] or re.sub(" +# .*", "", match["line"]))
    return [re.sub("^    ", "", command, flags=re.MULTILINE) for command in found]


@pytest.fixture
def checkout(tmp_path: Path) -> Project:
    """A checkout whose experiment is a short one, with the pictures that the README speaks of."""
    project = copy_checkout(tmp_path)
    project.edit("params.yaml", "data: mnist", "data: sample")
    project.commit()
    shutil.rmtree(project.root / ".venv")
    (project.root / ".venv").symlink_to(sys.prefix)
    project.environment["PORT"] = str(free_port())
    project.environment["PYTEST_ADDOPTS"] = "--collect-only -qq -n 0"  # of `make test`, which runs this test
    write_drawings(project.root / "folder", 1)
    for name in ("photo.jpg", "scan.png"):
        Image.fromarray(np.full((40, 40), 255, np.uint8)).save(project.root / name)
    write_photos(tmp_path / "home/photos")
    return project


def test_each_command_of_the_readme_works_in_its_order(checkout: Project) -> None:
    found = commands(README)
    assert set(SERVERS) < set(found)
    for command in found:
        print(f"$ {command}", flush=True)
        if command in SERVERS:
            serve(checkout, command)
        else:
            checkout.run("bash", "-euc", command)


def test_the_readme_is_short() -> None:
    assert len(README.partition("\n## Results\n")[0].split()) <= 900


def serve(project: Project, command: str) -> None:
    """Start a server, ask it for its page, and interrupt it."""
    with project.started("bash", "-euc", command) as process:
        *_, address = re.findall(r"http://[\w.:]+", read_until(process, " at http://"))
        assert requests.get(address).ok
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
