"""Images of one's own, as the README says: from a folder of photographs to a compared sweep."""

import re
import shutil
import textwrap
from pathlib import Path

import pytest
from PIL import Image

from copies import copy_checkout
from picture_files import write_photos
from project import Project, stages_run
from support import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Project:
    """A fresh checkout, and photographs in the home directory."""
    project = copy_checkout(tmp_path)
    project.commit()
    write_photos(tmp_path / "home/photos")
    return project


def commands() -> str:
    """Return the first block of commands in the README's section, without its indentation."""
    section = (ROOT / "README.md").read_text().partition("\n## Your own images\n")[2].partition("\n## ")[0]
    block = re.search(r"(?:^    .*\n|^\n(?=    ))+", section, re.MULTILINE)
    assert block
    return textwrap.dedent(block[0])


def test_the_readme_leads_from_photographs_to_a_compared_sweep(checkout: Project) -> None:
    output = checkout.run("bash", "-euc", commands())
    assert stages_run(output) == ["fetch", "preprocess"]
    assert "3 classes with 18 training images each" in output
    runs = checkout.runs("metrics.test_accuracy >= 0")
    assert len(runs) == 6
    for run in runs:
        assert run.data.tags["classes"] == "apple, leaf, sky"
        assert run.data.params["data"] == "photos"
    table = output.rpartition("rank")[2]  # of make compare
    assert re.search(r"compact .* 3 .*0\.\d{4}", table)
    assert re.search(r"tutorial .* 3 .*0\.\d{4}", table)


@pytest.fixture
def photos(checkout: Project) -> Project:
    """The project in which photographs are fetched and prepared, committed."""
    checkout.run("bash", "-euc", commands().partition("python src/experiment.py")[0])
    checkout.commit()
    return checkout


def test_dvc_notices_a_photograph_that_changes_and_nothing_else(photos: Project) -> None:
    folder = photos.root.parent / "home/photos"
    shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    folder.with_name("copy").rename(folder)  # the same files, later
    assert stages_run(photos.run("dvc", "repro", "preprocess")) == []
    Image.new("RGB", (50, 50)).save(folder / "sky/IMG_0000.jpg")
    assert stages_run(photos.run("dvc", "repro", "preprocess")) == ["fetch", "preprocess"]
    (folder / "sky/IMG_0000.jpg").unlink()
    assert "3 classes with 17 to 18 training images" in photos.run("dvc", "repro", "preprocess")


def test_an_experiment_in_a_temporary_copy_finds_the_photographs(photos: Project) -> None:
    photos.run("mv", str(photos.root.parent / "home/photos"), str(photos.root / "data/photos"))
    photos.edit("conf/data/photos.yaml", "~/photos", "data/photos")
    (photos.root / "data/.gitignore").open("a").write("/photos\n")
    photos.commit()
    photos.run("dvc", "exp", "run", "--temp", "-S", "model=small")
    (run,) = photos.runs("metrics.test_accuracy >= 0")
    assert run.data.params["model"] == "small"


def test_damaged_photographs_are_listed_and_nothing_is_left(checkout: Project) -> None:
    folder = checkout.root.parent / "home/photos"
    (folder / "sky/broken.jpg").write_bytes(b"nonsense")
    (folder / "leaf/half.jpg").write_bytes((folder / "leaf/IMG_0001.jpg").read_bytes()[:500])
    written, _, _ = commands().partition("dvc repro")
    checkout.run("bash", "-euc", written)
    output = checkout.run("dvc", "repro", "preprocess", code=255)
    assert f"{folder}/sky/broken.jpg: cannot be read (not a picture)" in output
    assert f"{folder}/leaf/half.jpg: cannot be read (" in output
    assert "photos: 2 problems (cannot be read: 2), listed in " in output
    assert "Traceback" not in output
    assert not (checkout.root / "data/raw").exists()
    assert (checkout.root / "outputs/data-photos.csv").read_text().count("problem,") == 2


def test_images_that_were_exported_make_the_same_model_to_the_bit(
    finished: Project, project: Project
) -> None:
    preset = project.run("python", "src/export_images.py", "out=exported").partition("\n")[2]
    (project.root / "conf/data/exported.yaml").write_text(preset)
    for script in ("fetch", "preprocess", "train"):
        project.run("python", f"src/{script}.py", "data=exported", "out=.")
    model = "models/model.keras"
    assert (project.root / model).read_bytes() == (finished.root / model).read_bytes()
