"""Answers for picture files, as a person asks for them."""

import csv
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digits.base.errors import UserError
from digits.config.data import Folder
from digits.data.arrays import Pixels
from digits.serving.prediction import predict
from serving_models import band_image, band_model, save_model
from support import run_script

Capture = pytest.CaptureFixture[str]


def save(label: int, file: Path) -> Path:
    """Write a picture of which the model says that it is this class."""
    file.parent.mkdir(exist_ok=True)
    Image.fromarray(band_image(label).squeeze(-1)).save(file)
    return file


def ask(*words: object, model: Path, **options: Any) -> int:
    return predict([str(word) for word in words], str(model), "sample", **options)


@pytest.fixture
def on_sheet(monkeypatch: pytest.MonkeyPatch) -> list[Pixels]:
    """The images that would be drawn on the sheet."""
    images: list[Pixels] = []
    monkeypatch.setattr("digits.data.gallery.draw_gallery", lambda *arguments: images.extend(arguments[1]))
    return images


def test_each_picture_has_a_line_with_its_class_its_confidence_and_the_next_two(
    model: Path, tmp_path: Path, capsys: Capture
) -> None:
    three, seven = save(3, tmp_path / "three.png"), save(7, tmp_path / "seven.png")
    assert ask(three, seven, model=model) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[str(three), "3"], [str(seven), "7"]]
    for line in lines:
        confidences = [float(word.rstrip("%")) for word in line.split() if word.endswith("%")]
        assert len(confidences) == 3
        assert confidences == sorted(confidences, reverse=True)


def test_a_folder_has_all_pictures_in_it_in_order(model: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "pictures"
    for label in (5, 2, 9):
        save(label, folder / f"{label}.png")
    (folder / "notes.txt").write_text("no picture")
    assert ask(folder, model=model) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["2", "5", "9"]


def test_csv_and_json_have_the_same_answers(model: Path, tmp_path: Path, capsys: Capture) -> None:
    file = save(4, tmp_path / "four.png")
    ask(file, model=model, format="csv", probabilities=True)
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    ask(file, model=model, format="json", probabilities=True)
    found = json.loads(capsys.readouterr().out)
    assert (row["picture"], row["class"]) == (found["picture"], found["class"]) == (str(file), "4")
    assert float(row["confidence"]) == found["confidence"] == found["probabilities"]["4"]
    assert {name: float(row[f"p_{name}"]) for name in map(str, range(10))} == found["probabilities"]
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert row["second"] == found["second"] != "4"


def test_without_the_option_there_are_no_probabilities(model: Path, tmp_path: Path, capsys: Capture) -> None:
    ask(save(4, tmp_path / "four.png"), model=model, format="json")
    assert "probabilities" not in json.loads(capsys.readouterr().out)


def test_a_minus_is_the_picture_on_standard_input(
    model: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = save(6, tmp_path / "six.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert ask("-", model=model) == 0
    assert capsys.readouterr().out.split()[:2] == ["-", "6"]


def test_bad_pictures_are_named_and_skipped_and_the_exit_code_says_so(
    model: Path, tmp_path: Path, capsys: Capture
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    missing = tmp_path / "missing.png"
    assert ask(bad, save(1, tmp_path / "one.png"), missing, model=model) == 1
    found = capsys.readouterr()
    assert found.out.split()[1] == "1"
    assert found.err.splitlines() == [
        f"{bad}: cannot be read (not a picture)",
        f"{missing}: cannot be read (No such file or directory)",
        "2 of 3 pictures could not be read",
    ]


def test_many_are_read_by_several_processes_in_their_order(
    model: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digits.data.chunks.FEW", 10)
    monkeypatch.setattr("digits.data.chunks.CHUNK", 7)
    labels = [int(label) for label in np.random.default_rng(0).integers(0, 10, 40)]
    for number, label in enumerate(labels):
        save(label, tmp_path / f"many/{number:02}.png")
    assert ask(tmp_path / "many", model=model, format="csv") == 0
    rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert [row["class"] for row in rows] == list(map(str, labels))


def test_the_sheet_shows_the_pictures(model: Path, tmp_path: Path, capsys: Capture) -> None:
    sheet = tmp_path / "new/sheet.png"
    ask(save(1, tmp_path / "one.png"), save(2, tmp_path / "two.png"), model=model, sheet=sheet)
    assert f"pictures as the network sees them: {sheet}" in capsys.readouterr().err
    with Image.open(sheet) as drawn:
        assert drawn.width > drawn.height > 100


def dark_three(file: Path) -> Path:
    """Draw a dark 3 on white paper, smaller than the picture and off its centre."""
    picture = Image.new("L", (200, 150), 250)
    ImageDraw.Draw(picture).line([(20, 20), (60, 20), (30, 50), (60, 80), (20, 90)], fill=30, width=8)
    picture.save(file)
    return file


@pytest.mark.parametrize(("prepare", "shown"), [("auto", True), ("mnist", True), ("none", False)])
def test_a_dark_digit_on_paper_is_prepared_unless_that_is_not_wanted(
    prepare: str, shown: bool, model: Path, tmp_path: Path, on_sheet: list[Pixels]
) -> None:
    ask(dark_three(tmp_path / "3.png"), model=model, prepare=prepare, sheet=tmp_path / "sheet.png")
    (image,) = on_sheet
    assert image.shape == (28, 28, 1)
    is_black = bool(image[14, 0, 0] < 20)
    assert is_black == shown


@pytest.mark.parametrize(("prepare", "kept"), [("auto", True), ("mnist", False), ("none", True)])
def test_a_picture_of_the_right_size_is_taken_as_it_is_unless_it_has_to_be_prepared(
    prepare: str, kept: bool, model: Path, tmp_path: Path, on_sheet: list[Pixels]
) -> None:
    ask(save(8, tmp_path / "8.png"), model=model, prepare=prepare, sheet=tmp_path / "sheet.png")
    (image,) = on_sheet
    assert np.array_equal(image, band_image(8)) == kept


def test_a_model_of_other_images_has_the_preparation_of_its_preset(tmp_path: Path, capsys: Capture) -> None:
    preset = Folder(name="mine", source="folder", path="x", test=0.5, color_mode="grayscale", resize="crop")
    model = save_model(band_model(), tmp_path / "mine.keras", preset)
    wide = np.zeros((28, 100, 1), np.uint8)
    wide[:, 36:64] = band_image(2)  # which a crop keeps
    Image.fromarray(wide.squeeze(-1)).save(tmp_path / "wide.png")
    ask(tmp_path / "wide.png", model=model)
    assert capsys.readouterr().out.split()[1] == "2"


def test_what_cannot_be_asked_is_one_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: has no picture in it"):
        ask(tmp_path / "empty", model=model)
    with pytest.raises(UserError, match=r"nothing\.keras: does not exist"):
        ask("x.png", model=tmp_path / "nothing.keras")


def test_the_command_takes_options_with_and_without_dashes(
    model: Path, tmp_path: Path, capsys: Capture
) -> None:
    file = save(4, tmp_path / "four.png")
    for words in ((f"model={model}", "prepare=none"), (f"--model={model}", "--prepare", "none")):
        assert run_script("predict.py", str(file), *words) == 0
        assert capsys.readouterr().out.split()[1] == "4"
    assert run_script("predict.py", str(file), "prepare=never") == (
        "error: argument --prepare: invalid choice: 'never' (choose from 'auto', 'mnist', 'none'); see --help"
    )
