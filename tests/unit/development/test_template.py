"""A project of one's own has the name of its folder, and nothing is left of one that is refused or fails."""

import itertools
import subprocess
from pathlib import Path

import pytest

from digits.base.errors import UserError
from digits.base.paths import NAME, ROOT
from digits.development import template

NEW = f"{NAME}-2"
RESULTS = ("CHANGELOG.md", "dvc.lock", "reports/metrics.json", "benchmarks/results.json", "docs/a.png")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody's git configuration be in use, and none of the directories above be a repository."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project to begin from: the files that name it, and some results."""
    folder = tmp_path / "source"
    texts = {name: (ROOT / name).read_text() for name in (*template.NAMED, ".ci/run", "README.md")}
    texts["docs/images.md"] = "Letters:\n\n![first](a.png)\n![others](b.png)\n\nOf fonts.\n"
    texts |= dict.fromkeys((*RESULTS, "reports/.gitignore", "src/ignored.log"), "")
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    identity = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    for words in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "--message=state")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    monkeypatch.setattr(template, "ROOT", folder)
    return folder


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("name", ["flowers", "Flowers2", "my-flowers", "my_flowers", "f"])
def test_the_folder_names_the_project(name: str, tmp_path: Path) -> None:
    project, _ = template.create(str(tmp_path / name))
    assert project == tmp_path / name
    assert f'name = "{name}"' in (project / "pyproject.toml").read_text()
    assert f'NAME = "{name}"' in (project / "src/digits/base/paths.py").read_text()
    assert f'"name": "{name}"' in (project / ".devcontainer/devcontainer.json").read_text()
    assert f",{name}@localhost)" in (project / "Makefile").read_text()
    assert (project / "README.md").read_text().startswith(f"# {name}\n")


def test_nothing_else_of_these_files_changes(source: Path, tmp_path: Path) -> None:
    project, _ = template.create(str(tmp_path / NEW))
    for name in template.NAMED:
        old, new = ((folder / name).read_text().splitlines() for folder in (source, project))
        changed = [(before, after) for before, after in zip(old, new, strict=True) if before != after]
        assert changed
        assert all(
            after.lower() == before.lower().replace(NAME.lower(), NEW.lower()) for before, after in changed
        )


def test_results_and_the_readme_on_them_are_left_out(source: Path, tmp_path: Path) -> None:
    project, _ = template.create(str(tmp_path / "flowers"))
    there = git(project, "ls-files").splitlines()
    assert not {*RESULTS} & {*there}
    assert {"docs/images.md", "reports/.gitignore", "src/ignored.log"} < {*there}
    readme = (project / "README.md").read_text()
    assert readme != (source / "README.md").read_text()
    assert "{" not in readme
    assert git(source, "rev-parse", "--short", "HEAD").strip() in readme
    assert (project / "docs/images.md").read_text() == "Letters:\n\nOf fonts.\n"
    assert "mirror" not in (project / ".ci/run").read_text()


def test_what_is_not_committed_is_not_copied(source: Path, tmp_path: Path) -> None:
    (source / "notes.txt").touch()
    project, _ = template.create(str(tmp_path / "flowers"))
    assert not (project / "notes.txt").exists()


@pytest.mark.usefixtures("source")
def test_all_files_are_in_a_first_commit_if_git_has_an_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role, part in itertools.product(("AUTHOR", "COMMITTER"), ("NAME", "EMAIL")):
        monkeypatch.delenv(f"GIT_{role}_{part}", raising=False)  # which the Makefile sets
    config = tmp_path / "home/.gitconfig"
    config.parent.mkdir()
    config.write_text("[user]\nname = Ada\nemail = ada@localhost\n[core]\nexcludesFile = ~/.ignored\n")
    (tmp_path / "home/.ignored").write_text("*.log\n")
    project, committed = template.create(str(tmp_path / "flowers"))
    assert committed
    assert git(project, "log", "--format=%an %s").startswith(f"Ada Begin with {NAME} ")
    assert "src/ignored.log" in git(project, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert git(project, "status", "--porcelain", "--ignored") == ""


@pytest.mark.usefixtures("source")
def test_without_an_identity_nothing_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):  # as the Makefile does
        monkeypatch.setenv(f"GIT_{role}_NAME", NAME)
        monkeypatch.setenv(f"GIT_{role}_EMAIL", f"{NAME}@localhost")
    project, committed = template.create(str(tmp_path / "flowers"))
    assert not committed
    assert "A  pyproject.toml" in git(project, "status", "--porcelain").splitlines()


def test_an_empty_folder_is_used(source: Path, tmp_path: Path) -> None:
    (tmp_path / "flowers").mkdir()
    template.create(str(tmp_path / "flowers"))
    assert (tmp_path / "flowers/pyproject.toml").exists()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["flowers", source.name]


@pytest.mark.parametrize(
    ("destination", "reason"),
    [
        ("", "DEST: name the folder of the new project: make template DEST=../flowers"),
        ("/", "DEST: '' is no name for a project"),
        ("{folder}/my flowers", "DEST: 'my flowers' is no name for a project"),
        ("{folder}/2flowers", "is no name for a project"),
        ("{folder}/flowers-", "is no name for a project"),
        ("{folder}/flowers.git", "is no name for a project"),
        ('{folder}/flo"wers', "is no name for a project"),
        ("{folder}/fleurs-d-été", "is no name for a project"),
        ("{folder}/nowhere/flowers", "DEST: there is no folder {folder}/nowhere"),
        ("{folder}/full", "DEST: {folder}/full exists; name a folder that does not, or is empty"),
        ("{folder}/full/file", "DEST: {folder}/full/file exists"),
        ("{folder}/source/flowers", "DEST: {folder}/source/flowers lies in this project"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_before_anything_is_written(
    destination: str, reason: str, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(UserError) as raised:
        template.create(destination.format(folder=tmp_path))
    assert reason.format(folder=tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["full", source.name]


@pytest.mark.parametrize("broken", [KeyboardInterrupt, OSError])
def test_nothing_is_left_of_what_is_interrupted_or_fails(
    broken: type[BaseException], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise broken

    monkeypatch.setattr(template, "_begin_history", fail)
    with pytest.raises(broken):
        template.create(str(tmp_path / "flowers"))
    assert [file.name for file in tmp_path.iterdir()] == [source.name]


@pytest.mark.usefixtures("source")
def test_a_project_outside_a_repository_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "downloaded").mkdir()
    monkeypatch.setattr(template, "ROOT", tmp_path / "downloaded")
    with pytest.raises(UserError, match="git cannot give the files of the last commit: fatal: not a git rep"):
        template.create(str(tmp_path / "flowers"))
    assert not (tmp_path / "flowers").exists()
