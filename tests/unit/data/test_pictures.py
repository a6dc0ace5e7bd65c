"""Picture files as arrays."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digits.base.errors import UserError
from digits.config.data import Folder
from digits.data.pictures import PictureError, fit_all, read_picture

RED_LEFT = np.zeros((20, 30, 3), np.uint8)  # dark, with a red half on the left
RED_LEFT[:, :15, 0] = 200


def preset(**changes: Any) -> Folder:
    values: dict[str, Any] = {"name": "mine", "source": "folder", "path": "x", "test": 0.5}
    return Folder(**values | {"color_mode": "rgb"} | changes)


def saved(file: Path, image: Image.Image, **options: Any) -> Path:
    image.save(file, **options)
    return file


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "gif", "jpg"])
def test_every_format_is_read_in_colour_and_in_grey(tmp_path: Path, suffix: str) -> None:
    lossless = {"lossless": True} if suffix == "webp" else {}
    file = saved(tmp_path / f"a.{suffix}", Image.fromarray(RED_LEFT), **lossless)
    colour, _ = read_picture(file, preset())
    grey, _ = read_picture(file, preset(color_mode="grayscale"))
    assert (colour.shape, grey.shape) == ((20, 30, 3), (20, 30, 1))
    np.testing.assert_allclose(colour[:, [2, 27]], RED_LEFT[:, [2, 27]], atol=4)  # JPEG blurs the edge
    np.testing.assert_allclose(grey[:, 2, 0], 0.299 * 200, atol=2)


def in_16_bits(grey: Any) -> Image.Image:
    return Image.fromarray(grey.astype(np.uint16) * 257)


def with_palette() -> Image.Image:
    return Image.fromarray(RED_LEFT).quantize(16)


def transparent() -> Image.Image:
    image = Image.fromarray(RED_LEFT).convert("RGBA")
    image.putalpha(
        Image.fromarray(np.where(np.arange(30) < 15, 255, 0).astype(np.uint8) + np.zeros((20, 1), np.uint8))
    )
    return image


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    array, notes = read_picture(saved(tmp_path / "a.png", in_16_bits(grey)), preset(color_mode="grayscale"))
    np.testing.assert_array_equal(array[..., 0], grey)
    assert notes == ["has 16 bits a pixel, of which 8 are kept"]


def test_a_palette_is_converted(tmp_path: Path) -> None:
    array, notes = read_picture(saved(tmp_path / "a.png", with_palette()), preset())
    np.testing.assert_allclose(array, RED_LEFT, atol=8)
    assert notes == ["has a palette, which is converted"]


@pytest.mark.parametrize(("background", "value"), [("black", 0), ("white", 255)])
def test_what_is_transparent_shows_the_background(tmp_path: Path, background: str, value: int) -> None:
    array, notes = read_picture(saved(tmp_path / "a.png", transparent()), preset(background=background))
    np.testing.assert_array_equal(array[:, :15], RED_LEFT[:, :15])
    assert (array[:, 15:] == value).all()
    assert notes == [f"is transparent, and put on {background}"]


def test_cmyk_is_converted(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.jpg", Image.fromarray(RED_LEFT).convert("CMYK"))
    array, notes = read_picture(file, preset())
    np.testing.assert_allclose(array[:, [2, 27]], RED_LEFT[:, [2, 27]], atol=6)
    assert notes == ["is in CMYK, which is converted"]


def test_a_photograph_is_turned_as_its_exif_data_say(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    file = saved(tmp_path / "a.jpg", Image.fromarray(RED_LEFT), exif=exif)
    array, notes = read_picture(file, preset())
    np.testing.assert_allclose(array, np.rot90(RED_LEFT, -1), atol=80)
    assert array[2, 10, 0] > 180  # what was on the left is at the top
    assert notes == ["is turned, as its EXIF data say"]


@pytest.mark.parametrize(
    ("resize", "corners", "middle"),
    [("pad", 255, 200), ("crop", 200, 200), ("stretch", 200, 200)],
)
def test_a_wide_picture_is_padded_cropped_or_stretched(
    tmp_path: Path, resize: str, corners: int, middle: int
) -> None:
    wide = np.full((20, 40), 200, np.uint8)
    wide[:, [0, 39]] = 0  # dark edges, which only cropping loses
    file = saved(tmp_path / "a.png", Image.fromarray(wide))
    array, _ = read_picture(
        file, preset(resize=resize, size=[10, 10], background="white", color_mode="grayscale")
    )
    assert array.shape == (10, 10, 1)
    assert array[5, 5, 0] == middle
    assert array[0, 5, 0] == corners
    assert (array[5, 0, 0] < 180) == (resize != "crop")


def test_a_large_photograph_is_scaled_down_to_what_it_shows(tmp_path: Path) -> None:
    smooth = np.add.outer(np.linspace(0, 120, 800), np.linspace(0, 120, 1200)).astype(np.uint8)
    file = saved(tmp_path / "a.jpg", Image.fromarray(smooth), quality=95)
    array, _ = read_picture(file, preset(size=[20, 30], color_mode="grayscale"))
    np.testing.assert_allclose(array[..., 0], smooth[20::40, 20::40], atol=3)


def png_of(width: int, height: int) -> bytes:
    """Return a PNG that claims to have this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def content(suffix: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    pictures = [Image.fromarray(noise), Image.fromarray(RED_LEFT), Image.fromarray(noise[::-1])]
    pictures[0].save(
        stream, suffix, **options | ({"append_images": pictures[1:]} if "save_all" in options else {})
    )
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("a.png", b"nonsense", "cannot be read (not a picture)"),
        ("a.png", b"", "cannot be read (not a picture)"),
        ("a.png", content("PNG")[:200], "cannot be read (image file is truncated)"),
        ("a.jpg", content("JPEG")[:-300], "cannot be read (image file is truncated"),
        ("a.gif", content("GIF", save_all=True), "is animated (3 pictures)"),
        ("a.webp", content("WEBP", save_all=True), "is animated (3 pictures)"),
        ("a.png", png_of(60_000, 60_000), "is too large (60,000 x 60,000 pixels; at most 50,000,000)"),
        ("a.png", content("TIFF"), "cannot be read (not a picture)"),
    ],
)
def test_what_is_not_one_whole_still_picture_is_refused(
    tmp_path: Path, name: str, data: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PictureError) as error:
        read_picture(tmp_path / name, preset())
    assert str(error.value).startswith(complaint)


def test_arrays_are_fitted_as_files_are() -> None:
    images = np.stack([RED_LEFT, RED_LEFT[:, ::-1]])
    fitted = fit_all(images, preset(size=[10, 15], resize="stretch", color_mode="grayscale"))
    assert fitted.shape == (2, 10, 15, 1)
    np.testing.assert_array_equal(fitted[1], fitted[0][:, ::-1])


def test_arrays_that_fit_are_left_as_they_are() -> None:
    images = np.stack([RED_LEFT])
    assert fit_all(images, preset(size=[20, 30])) is images


def test_arrays_with_other_channels_are_refused() -> None:
    with pytest.raises(UserError, match="4 channels, not 1 or 3"):
        fit_all(np.zeros((1, 8, 8, 4), np.uint8), preset(size=[9, 9]))


@pytest.mark.parametrize(("size", "prepared"), [((28, 28), False), ((56, 56), True)])
def test_what_has_the_right_size_is_not_prepared_as_mnist_was(
    tmp_path: Path, size: tuple[int, int], prepared: bool
) -> None:
    picture = Image.new("L", size, 255)
    picture.paste(0, (2, 2, size[0] // 4, size[1] // 2))  # dark, in a corner
    file = saved(tmp_path / "a.png", picture)
    array, _ = read_picture(file, preset(color_mode="grayscale", size=[28, 28], prepare="mnist"))
    assert array.shape == (28, 28, 1)
    assert bool(array[0, 0] == 0) == prepared
    always, _ = read_picture(
        file, preset(color_mode="grayscale", size=[28, 28], prepare="mnist"), always=True
    )
    assert always[0, 0] == 0


def test_a_photo_keeps_the_detail_that_thin_strokes_need(tmp_path: Path) -> None:
    photo = Image.new("L", (3000, 4000), 230)
    photo.paste(40, (1400, 1000, 1412, 3000))  # 12 pixels wide
    file = saved(tmp_path / "a.jpg", photo)
    array, _ = read_picture(file, preset(color_mode="grayscale", size=[28, 28], prepare="mnist"))
    assert (array[5:23, 13:15].max(axis=1) > 200).all()


@pytest.mark.parametrize("changes", [{"color_mode": "rgb", "size": 28}, {"color_mode": "grayscale"}])
def test_the_preparation_needs_a_size_and_grey_images(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="mnist needs size, and color_mode: grayscale"):
        preset(**changes, prepare="mnist")
