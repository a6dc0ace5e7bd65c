"""Pictures of handwriting, prepared as MNIST is."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from digits.data.arrays import Pixels
from digits.data.handwriting import center_writing
from drawn_digits import CONDITIONS, STROKES, draw, strokes_of


def drawn(
    digit: str = "2", side: int = 280, pen: int = 20, at: tuple[int, int] = (60, 40), height: int = 200
) -> Image.Image:
    """Return a digit, black on white. `at` is the upper left corner of its unit square."""
    picture = Image.new("L", (side, side), "white")
    pencil = ImageDraw.Draw(picture)
    for stroke in strokes_of(digit, 0):
        for x, y in stroke:
            pencil.circle((at[0] + x * height, at[1] + y * height), pen / 2, "black")
    return picture


def inverted(picture: Image.Image) -> Image.Image:
    return picture.point(lambda value: 255 - value)


def mean_difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def extent(image: Pixels) -> tuple[int, int]:
    (part,) = ndimage.find_objects((image > 0).astype(np.uint8))
    return part[0].stop - part[0].start, part[1].stop - part[1].start


@pytest.mark.parametrize("digit", STROKES)
def test_the_centre_of_mass_is_in_the_centre(digit: str) -> None:
    centre = ndimage.center_of_mass(center_writing(drawn(digit)))
    np.testing.assert_allclose(centre, 14, atol=0.5)  # MNIST's is at pixel 14, counted from 0


@pytest.mark.parametrize("digit", STROKES)
def test_the_longer_side_of_the_strokes_has_20_pixels(digit: str) -> None:
    image = center_writing(drawn(digit))
    assert image.shape == (28, 28)
    assert max(extent(image)) == 20


def test_the_aspect_ratio_is_kept() -> None:
    assert extent(center_writing(drawn("1")))[1] in (2, 3, 4)


@pytest.mark.parametrize("condition", [name for name in CONDITIONS if name != "canvas"])
def test_an_inverted_picture_gives_nearly_the_same(condition: str) -> None:
    picture = draw("3", CONDITIONS[condition], np.random.default_rng(5)).convert("RGB")
    difference = mean_difference(center_writing(picture), center_writing(inverted(picture)))
    assert difference < 12


@pytest.mark.parametrize("enlarged", [1, 3, 8])
def test_an_image_like_those_of_mnist_comes_back_nearly_the_same(enlarged: int) -> None:
    image = center_writing(drawn("5"))
    large = Image.fromarray(np.kron(image, np.ones((enlarged, enlarged), np.uint8)))
    assert mean_difference(center_writing(large), image) < 8


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P", "CMYK", "I", "F", "LA"])
def test_the_mode_of_the_picture_makes_no_difference(mode: str) -> None:
    picture = drawn()
    assert mean_difference(center_writing(picture.convert(mode)), center_writing(picture)) < 1


@pytest.mark.parametrize("ink", ["black", "white"])
def test_strokes_on_a_transparent_layer_are_seen(ink: str) -> None:
    layer = Image.new("RGBA", (280, 280), ink)
    layer.putalpha(inverted(drawn()))
    assert mean_difference(center_writing(layer), center_writing(drawn())) < 1


def test_coloured_strokes_as_bright_as_the_paper_in_grey_are_seen() -> None:
    paper, ink = (200, 120, 120), (90, 150, 220)
    picture = Image.new("RGB", (280, 280), paper)
    picture.paste(ink, mask=inverted(drawn()))
    assert mean_difference(center_writing(picture), center_writing(drawn())) < 6


@pytest.mark.parametrize("value", [0, 90, 255])
def test_a_picture_of_one_colour_gives_zeros(value: int) -> None:
    assert not center_writing(Image.new("RGB", (200, 100), (value, value, value))).any()


def test_a_transparent_picture_without_strokes_gives_zeros() -> None:
    assert not center_writing(Image.new("RGBA", (280, 280))).any()


@pytest.mark.parametrize("deviation", [2, 10, 25])
def test_noise_without_strokes_gives_zeros(deviation: int) -> None:
    values = np.random.default_rng(0).normal(180, deviation, (300, 300))
    assert not center_writing(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))).any()


def test_light_that_fades_is_no_stroke() -> None:
    light = np.linspace(90, 250, 300).astype(np.uint8)
    assert not center_writing(Image.fromarray(np.tile(light, (300, 1)))).any()


def test_single_pixels_are_no_strokes() -> None:
    picture, dirty = drawn(), drawn()
    for x, y in np.random.default_rng(0).integers(0, 280, (40, 2)).tolist():
        dirty.putpixel((x, y), 0)
    assert mean_difference(center_writing(dirty), center_writing(picture)) < 2


@pytest.mark.parametrize("at", [(-30, 40), (106, 40), (60, 3), (60, 79)])
def test_a_digit_at_an_edge_of_the_picture_is_found(at: tuple[int, int]) -> None:
    for picture in (drawn(at=at), inverted(drawn(at=at))):
        assert mean_difference(center_writing(picture), center_writing(drawn())) < 6


def test_a_digit_that_fills_the_picture_is_found() -> None:
    picture = drawn().crop((90, 40, 235, 239))
    assert mean_difference(center_writing(picture), center_writing(drawn())) < 6


@pytest.mark.parametrize("squared", [False, True])
def test_rules_are_removed(squared: bool) -> None:
    paper = Image.new("L", (280, 280), "white")
    pencil = ImageDraw.Draw(paper)
    for at in range(15, 280, 50):
        pencil.line([(0, at), (280, at + 6)], 160, 2)
        if squared:
            pencil.line([(at, 0), (at - 6, 280)], 160, 2)
    paper.paste(0, mask=inverted(drawn()))
    assert mean_difference(center_writing(paper), center_writing(drawn())) < 4


def test_a_shadow_does_not_hide_strokes() -> None:
    values = np.asarray(drawn()).astype(float)
    values[:, 140:] *= 0.5
    shaded = Image.fromarray(values.astype(np.uint8))
    assert mean_difference(center_writing(shaded), center_writing(drawn())) < 6


def test_a_thin_pen_in_a_large_picture_gives_strokes_as_wide_as_those_of_mnist() -> None:
    image = center_writing(drawn(side=1400, pen=6, at=(300, 200), height=1000))
    reference = center_writing(drawn(pen=22))
    assert image.max() == 255
    assert image.sum() > 0.6 * reference.sum()


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (14, 14), (28, 56)])
def test_the_result_has_the_size_that_is_asked_for(size: tuple[int, int]) -> None:
    image = center_writing(drawn("5"), size)
    assert image.shape == size
    assert image.dtype == np.uint8
    assert extent(image)[0] == pytest.approx(size[0] * 20 / 28, abs=1)
    np.testing.assert_allclose(ndimage.center_of_mass(image), [side // 2 for side in size], atol=0.5)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1000, 2), (3, 700)])
def test_a_picture_of_any_size_is_taken(size: tuple[int, int]) -> None:
    picture = Image.new("L", size, "white")
    picture.putpixel((0, 0), 0)
    assert center_writing(picture).shape == (28, 28)


def test_every_digit_is_drawn_in_every_condition() -> None:
    assert set(STROKES) == set("0123456789")
    assert all(0 <= value <= 1 for stroke in strokes_of("8", 1) for point in stroke for value in point)
    same = [draw("8", CONDITIONS["photo"], np.random.default_rng(1)).tobytes() for _ in range(2)]
    assert same[0] == same[1]
