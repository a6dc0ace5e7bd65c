"""The example that renders letters: the split by families, the missing fonts and the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import letters

TRAIN = "DejaVu | fonts-dejavu-core | truetype/dejavu/DejaVu*.ttf | Sans, Sans-Bold"
TEST = "Liberation | fonts-liberation | truetype/liberation/Liberation*.ttf | Serif-Regular"


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.png")}


@pytest.fixture
def few_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "TRAIN", TRAIN)
    monkeypatch.setattr(letters, "TEST", TEST)
    if not all(font.file.is_file() for font in letters.listed_fonts()):
        pytest.skip("needs apt-get install fonts-dejavu-core fonts-liberation")


def test_no_family_is_in_train_and_in_test() -> None:
    families = {split: set[str]() for split in ("train", "test")}
    for font in letters.listed_fonts():
        families[font.split].add(font.family)
    assert families["train"]
    assert families["test"]
    assert not families["train"] & families["test"]


def test_no_two_fonts_write_the_same_files() -> None:
    names = [font.file.stem.replace(" ", "").lower() for font in letters.listed_fonts()]
    assert len(set(names)) == len(names)


def test_missing_fonts_are_an_error_of_one_line_that_names_the_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(letters, "FONTS", tmp_path / "fonts")
    with pytest.raises(SystemExit) as ended:
        letters.main(["--out", str(tmp_path / "out")])
    line = str(ended.value)
    assert line.startswith("error: fonts are missing: DejaVuSans.ttf, ")
    assert "\n" not in line
    packages = line.partition("; apt-get install ")[2].split()
    assert packages == sorted({font.package for font in letters.listed_fonts()})
    assert not list(tmp_path.iterdir())


def test_the_packages_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        letters.main(["--packages"])
    assert not ended.value.code
    assert set(capsys.readouterr().out.split()) == {font.package for font in letters.listed_fonts()}


@pytest.mark.usefixtures("few_fonts")
def test_each_font_gives_all_sizes_and_slants_of_each_letter_in_the_folder_of_its_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data/letters"
    letters.main(["--out", str(out)])
    versions = [f"{size}-{slant}" for size in letters.SIZES for slant in letters.SLANTS]
    fonts = {"train": ["DejaVuSans", "DejaVuSans-Bold"], "test": ["LiberationSerif-Regular"]}
    assert set(files(out)) == {
        f"{split}/{letter}/{name}-{version}.png"
        for split, names in fonts.items()
        for letter in letters.LETTERS
        for name in names
        for version in versions
    }
    assert [path.name for path in out.parent.iterdir()] == ["letters"]
    assert capsys.readouterr().out == f"702 images of 26 letters, 3 fonts, 2 families: {out}\n"


@pytest.mark.usefixtures("few_fonts")
def test_a_second_run_replaces_the_first_with_the_same_bytes(tmp_path: Path) -> None:
    letters.main(["--out", str(tmp_path / "out")])
    first = files(tmp_path / "out")
    (tmp_path / "out/train/A/left_over.png").touch()
    letters.main(["--out", str(tmp_path / "out")])
    assert files(tmp_path / "out") == first


@pytest.mark.usefixtures("few_fonts")
def test_each_image_is_grey_and_has_a_dark_letter_with_a_white_border(tmp_path: Path) -> None:
    letters.main(["--out", str(tmp_path)])
    for file in tmp_path.rglob("*.png"):
        with Image.open(file) as image:
            assert (image.mode, image.size) == ("L", (32, 32))
            pixels = np.asarray(image)
        dark = np.argwhere(pixels < 128)
        assert len(dark) >= 20, file
        assert dark.min() >= 2, file
        assert dark.max() <= 29, file


@pytest.mark.usefixtures("few_fonts")
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_error_or_an_interrupt_leaves_the_target_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
) -> None:
    letters.main(["--out", str(tmp_path / "out")])
    first = files(tmp_path / "out")

    def fail(*_: object) -> Image.Image:
        raise error

    monkeypatch.setattr(letters, "place_letter", fail)
    with pytest.raises(SystemExit):
        letters.main(["--out", str(tmp_path / "out")])
    assert files(tmp_path / "out") == first
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.usefixtures("few_fonts")
def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    other = tmp_path / "train/cats/1.png"
    other.parent.mkdir(parents=True)
    other.touch()
    with pytest.raises(SystemExit, match="has other files"):
        letters.main(["--out", str(tmp_path)])
    assert other.is_file()


@pytest.mark.usefixtures("few_fonts")
def test_the_slant_right_leans_to_the_right(tmp_path: Path) -> None:
    letters.main(["--out", str(tmp_path)])
    with Image.open(tmp_path / "train/I/DejaVuSans-28-right.png") as image:
        pixels = 255 - np.asarray(image, dtype=float)
    columns = np.arange(32)
    top, bottom = ((rows.sum(axis=0) * columns).sum() / rows.sum() for rows in (pixels[:10], pixels[-10:]))
    assert top > bottom + 1
