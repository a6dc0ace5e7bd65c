"""Turn pictures into arrays: decode a file, convert its colours, and fit it to the size of a preset."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps

from digits.base.errors import UserError
from digits.config.data import MODE_OF_CHANNELS, Images
from digits.data.arrays import Pixels, as_pictures

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp"))
MOST_PIXELS = 50_000_000  # of a file, which takes 200 MB while it is decoded
DETAIL = 800  # pixels a side in which the strokes of a pen are found
ORIENTATION = 0x0112  # the number of this tag in EXIF
MODES = {"grayscale": "L", "rgb": "RGB"}  # Pillow's names
RESAMPLING = Image.Resampling.BICUBIC

# a small file can unpack to gigabytes; MOST_PIXELS is checked before anything is decoded
Image.MAX_IMAGE_PIXELS = None


class PictureError(Exception):
    """Say in a few words what is wrong with a file, of which the part before the bracket is the kind."""


def read_picture(
    file: Path | BinaryIO, data: Images, most_pixels: int = MOST_PIXELS, always: bool = False
) -> tuple[Pixels, list[str]]:
    """Return a picture file as (height, width, channels) uint8 and what had to be converted. With `always`, a
    picture that has the right size is prepared as others are.

    Raises PictureError if it is not one still picture in one of FORMATS, or has more than `most_pixels`.
    """
    try:
        with Image.open(file, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > most_pixels:
                raise PictureError(f"is too large ({width:,} x {height:,} pixels; at most {most_pixels:,})")
            if (frames := getattr(picture, "n_frames", 1)) > 1:
                raise PictureError(f"is animated ({frames} pictures)")
            if data.size and picture.format == "JPEG":
                side = DETAIL if data.prepare else 2 * max(data.size)
                picture.draft(None, (side, side))  # decodes to a size near this, in less time
            picture.load()
            return _to_array(picture, data, always)
    except PictureError:
        raise
    except Exception as error:  # decoders raise whatever they stumble over
        reason = getattr(error, "strerror", None) or str(error)
        reason = reason if reason and "cannot identify" not in reason else "not a picture"
        raise PictureError(f"cannot be read ({reason})") from None


def _to_array(picture: Image.Image, data: Images, always: bool = False) -> tuple[Pixels, list[str]]:
    notes = []
    if picture.getexif().get(ORIENTATION, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
        notes.append("is turned, as its EXIF data say")
    if picture.mode.startswith("I"):
        notes.append("has 16 bits a pixel, of which 8 are kept")
        pixels: Any = np.asarray(picture)
        picture = Image.fromarray((pixels.astype(np.uint32) // 257).astype(np.uint8))
    if data.prepare and data.size and (always or picture.size != (data.size[1], data.size[0])):
        from digits.data.handwriting import center_writing  # most commands never need SciPy

        return center_writing(picture, (data.size[0], data.size[1]))[..., np.newaxis], notes
    if picture.mode == "CMYK":
        notes.append("is in CMYK, which is converted")
    if picture.mode == "P":
        notes.append("has a palette, which is converted")
    if picture.has_transparency_data:
        notes.append(f"is transparent, and put on {data.background}")
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, data.background), layer)
    if data.color_mode:
        picture = picture.convert(MODES[data.color_mode])
    return _as_array(_fit(picture, data)), notes


def _fit(picture: Image.Image, data: Images) -> Image.Image:
    """Return the picture in the size that the preset asks for."""
    if data.size is None or picture.size == (size := (data.size[1], data.size[0])):
        return picture
    if data.resize == "stretch":
        return picture.resize(size, RESAMPLING)
    if data.resize == "crop":
        return ImageOps.fit(picture, size, RESAMPLING)
    return ImageOps.pad(picture, size, RESAMPLING, data.background)


def _as_array(picture: Image.Image) -> Pixels:
    return np.asarray(picture).reshape(picture.height, picture.width, -1)


def to_picture(image: Pixels) -> Image.Image:
    """Return an image, (height, width, 1 or 3) uint8, as a picture of Pillow."""
    return Image.fromarray(as_pictures(image))


def fit_all(images: Pixels, data: Images) -> Pixels:
    """Return images, (n, height, width, channels) uint8, in the size and colours that the preset asks for.
    They are not prepared, as pictures from files are.

    Raises UserError if they have neither one channel nor three.
    """
    height, width, channels = images.shape[1:]
    size_fits = data.size in (None, [height, width])
    if size_fits and data.color_mode in (None, MODE_OF_CHANNELS.get(channels)):
        return images
    if channels not in MODE_OF_CHANNELS:
        raise UserError(f"data: images have {channels} channels, not 1 or 3 ({data.file})")
    fitted = data.model_copy(update={"prepare": None})
    return np.stack([_to_array(to_picture(image), fitted)[0] for image in images])
