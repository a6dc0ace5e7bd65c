"""Begin a project of one's own from this one: its committed files without the results on MNIST, under a new
name, in a git repository without this one's history."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

from digits.base.errors import UserError, message_of
from digits.base.paths import NAME, ROOT

README = Path(__file__).with_name("new_project.md")
USABLE = re.compile(r"[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?")
# What says something about this project alone. Patterns are those of Path.glob.
LEFT_OUT = (
    *("CHANGELOG.md", "dvc.lock", "reports/[!.]*", "tests/end_to_end/slow/test_readme.py"),
    *(".ci/compare.py", "benchmarks/results.json", "docs/measurements.md", "docs/*.png"),
)
# Where the project's name is, which NAME stands for, in any case: after a group that stays as it is.
NAMED = {
    "pyproject.toml": r'^(name = ")NAME(?="$)',
    "src/digits/base/paths.py": r'^(NAME = ")NAME(?=")',
    "src/digits/serving/app.py": r'(title=")NAME(?=")',
    "src/digits/serving/page/index.html": r"(<title>|<h1>)NAME\b",
    ".devcontainer/devcontainer.json": r'("name": ")NAME(?=")',
    "CONTRIBUTING.md": r"^(# Work on )NAME$",
    "Makefile": r"(,)NAME(?=(@localhost)?\)$)",
    "docs/serving.md": r"([`/])NAME(?=-(mnist|letters)\b)",
    "docs/team.md": r"(/srv/)NAME\b",
    "docs/team/mlflow.service": r"(/srv/)NAME\b",
}
PICTURE = r"^!\[.*\]\(\w+\.png\)\n+"  # in docs/, a line of its own
ON_MNIST = r"\nmirror=(?s:.*)"  # the end of .ci/run, which repeats the committed result


def create(destination: str) -> tuple[Path, bool]:
    """Make the project in the folder `destination`, whose last part is its name. Return the folder, and
    whether its files are committed, which they are if git knows who commits.

    Raises UserError if the name or the folder cannot be used, or if this project is in no git repository.
    """
    folder = _checked(destination)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        project = Path(temporary, folder.name)
        commit = _copy(project)
        _rename(project)
        _write_readme(project, commit)
        committed = _begin_history(project, f"Begin with {NAME} {commit}")
        project.rename(folder)
    return folder, committed


def _checked(destination: str) -> Path:
    if not destination:
        raise UserError("DEST: name the folder of the new project: make template DEST=../flowers")
    folder = Path(destination).expanduser().resolve()
    if not USABLE.fullmatch(folder.name):
        raise UserError(
            f"DEST: {folder.name!r} is no name for a project; take letters, digits, - and _, a letter first"
        )
    if folder.is_relative_to(ROOT):
        raise UserError(f"DEST: {folder} lies in this project; name a folder outside it")
    if not folder.parent.is_dir():
        raise UserError(f"DEST: there is no folder {folder.parent}")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"DEST: {folder} exists; name a folder that does not, or is empty")
    return folder


def _copy(project: Path) -> str:
    """Write the files of the last commit, and return its short name."""
    try:
        commit = _git(ROOT, "rev-parse", "--short", "HEAD").decode().strip()
        archive = _git(ROOT, "archive", "--format=tar", "HEAD")
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode().strip() or message_of(error)
        raise UserError(f"{ROOT}: git cannot give the files of the last commit: {said}") from None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        # not in Python 3.11.0 to 3.11.3
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        tar.extractall(project)
    for pattern in LEFT_OUT:
        for file in project.glob(pattern):
            file.unlink()
    return commit


def _rename(project: Path) -> None:
    for file, pattern in NAMED.items():
        # the first NAME of a pattern can be a variable of this name
        before, _, after = pattern.rpartition("NAME")
        _replace(project / file, f"{before}{NAME}{after}", rf"\g<1>{project.name}")
    _replace(project / ".ci/run", ON_MNIST, "")
    for page in project.glob("docs/*.md"):
        _replace(page, PICTURE, "")


def _replace(file: Path, pattern: str, new: str) -> None:
    if file.exists():
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(pattern, new, text, flags=re.MULTILINE | re.IGNORECASE), encoding="utf-8")


def _write_readme(project: Path, commit: str) -> None:
    """Replace the README by one that says how to go on."""
    text = README.read_text(encoding="utf-8")
    for word, meaning in (("name", project.name), ("origin", NAME), ("commit", commit)):
        text = text.replace(f"{{{word}}}", meaning)
    (project / "README.md").write_text(text, encoding="utf-8")


def _begin_history(project: Path, message: str) -> bool:
    """Make a git repository with all files in it. Return whether they are committed: not if git has no
    identity. The one that the Makefile gives to DVC in the environment is none."""
    _git(project, "init", "--quiet", "--initial-branch=main")
    _git(project, "add", "--all", "--force")  # also what somebody ignores everywhere
    try:
        _git(project, "config", "user.name")
        _git(project, "config", "user.email")
        _git(project, "commit", "--quiet", f"--message={message}")
    except subprocess.CalledProcessError:
        return False
    return True


def _git(folder: Path, *words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True).stdout
