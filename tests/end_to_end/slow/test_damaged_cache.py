"""A file in DVC's cache that is damaged: DVC trusts it, and what reads it refuses it."""

import shutil
from pathlib import Path

import pytest

from digits.base import files
from project import Project


def cached(project: Project, md5: str) -> Path:
    return project.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


@pytest.mark.parametrize(
    ("output", "file", "stage", "command"),
    [
        ("data/prepared", "data/prepared/train.npz", "preprocess", ("src/train.py", "out=again")),
        ("models/model.keras", "models/model.keras", "train", ("src/evaluate.py", "out=again")),
    ],
)
def test_what_comes_damaged_out_of_the_cache_is_one_line_and_can_be_made_again(
    output: str, file: str, stage: str, command: tuple[str, ...], project: Project
) -> None:
    project.run("dvc", "repro")
    md5 = files.md5(project.root / file)
    in_cache = cached(project, md5)
    in_cache.chmod(0o644)
    content = bytearray(in_cache.read_bytes())
    content[len(content) // 2] ^= 1
    in_cache.write_bytes(content)
    in_cache.chmod(0o444)

    def check_out_again() -> None:
        path = project.root / output
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        project.run("dvc", "checkout")

    check_out_again()
    refused = project.run("python", *command, code=1)
    assert refused.startswith(f"error: {project.root / file}: is ")
    assert refused.count("\n") == 1

    in_cache.unlink()  # as docs/reliability.md says
    project.run("dvc", "repro", "--force", "--single-item", stage)
    check_out_again()
    assert files.md5(project.root / file) == md5
