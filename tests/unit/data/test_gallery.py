"""Images below their captions."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from digits.data.gallery import draw_first_nine, draw_gallery
from support import MakeSplit, make_splits


def test_equal_images_make_equal_files(tmp_path: Path, make_split: MakeSplit) -> None:
    drawn = []
    for n, name in ((20, "a.png"), (20, "b.png"), (30, "c.png")):
        draw_first_nine("title", make_splits(train=make_split(n)), tmp_path / name)
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_images_begin_a_new_row_after_the_last_column(tmp_path: Path, make_split: MakeSplit) -> None:
    split = make_split(7)
    heights, widths = [], []
    for columns in (7, 2):
        draw_gallery("title", split.images, [""] * 7, columns, tmp_path / "a.png")
        height, width = imread(tmp_path / "a.png").shape[:2]
        heights.append(height)
        widths.append(width)
    assert heights[1] > 3 * heights[0]  # four rows
    assert widths[0] == pytest.approx(3.5 * widths[1], rel=0.01)


@pytest.mark.parametrize("n", [0, 1])
def test_few_images_are_drawn_too(n: int, tmp_path: Path, make_split: MakeSplit) -> None:
    draw_gallery("title", make_split(n).images, ["caption"] * n, 3, tmp_path / "a.png")
    assert (tmp_path / "a.png").is_file()


def test_an_image_without_a_caption_is_an_error(tmp_path: Path, make_split: MakeSplit) -> None:
    with pytest.raises(ValueError, match="shorter"):
        draw_gallery("title", make_split(2).images, ["one"], 3, tmp_path / "a.png")


@pytest.mark.parametrize("shape", [(8, 8, 1), (96, 40, 3), (20, 96, 1)])
def test_images_of_any_shape_and_colour_fill_a_place_of_one_size(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    images = np.full((9, *shape), 7, np.uint8)
    draw_gallery("title", images, ["caption"] * 9, 3, tmp_path / "a.png")
    draw_gallery("title", np.zeros((9, 28, 28, 1), np.uint8), ["caption"] * 9, 3, tmp_path / "b.png")
    first, second = (imread(tmp_path / name) for name in ("a.png", "b.png"))
    assert first.shape == second.shape
    assert (first[..., :3].sum(axis=2) < 0.5).any()


def test_colours_are_shown_as_they_are(tmp_path: Path) -> None:
    images = np.zeros((1, 8, 8, 3), np.uint8)
    images[..., 0] = 255
    draw_gallery("", images, [""], 1, tmp_path / "a.png")
    assert (imread(tmp_path / "a.png")[..., :3] == [1, 0, 0]).all(axis=2).any()
