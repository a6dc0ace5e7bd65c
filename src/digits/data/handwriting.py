"""Turn a photo, a scan or a drawing of one handwritten digit or letter into an image like those of MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat
from scipy import ndimage

Grey = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

SIDES = (112, 320)  # pixels: a picture whose longer side is shorter is enlarged, a longer one reduced
BOX = 20 / 28  # of the size: the part that the strokes fill
FAINTEST = 0.1  # contrast of strokes with the background, of 1
THINNEST = 2.2  # pixels of 28; 5 % of MNIST's images have thinner strokes
EDGE = 0.5  # of the strokes' contrast
FRINGE = 0.2  # of the strokes' contrast: pixels that a stroke covers in part
RULE_LENGTH = 0.6  # of the picture's width or height
RULE_CONTRAST = 0.7  # of the strokes' contrast: a line with more is a stroke
SMALLEST_PART = 0.04  # of the area of the largest connected part
FINE = 4  # times the final scale, at which the width of strokes is measured
NEIGHBOURS = np.ones((3, 3), np.bool_)


def center_writing(picture: Image.Image, size: tuple[int, int] = (28, 28)) -> NDArray[np.uint8]:
    """Return one digit or letter as MNIST has them: bright on black, in a box of 20/28 of the size, with the
    centre of mass in the centre (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
    recognition", 1998).

    The picture can have any mode, dark or bright strokes, uneven light, and rules fainter than the strokes.
    `size` is (height, width), the result (height, width) uint8. It is all zeros if there are no strokes.
    """
    colours = _to_colours(picture)
    likely = _is_bright(colours)
    for bright in (likely, not likely):  # the edge of a shadow can be taken for bright strokes, but has none
        ink = _contrast(_to_grey(colours, bright))
        strokes, contrast = _strokes(ink)
        if strokes.any():
            (part,) = ndimage.find_objects(strokes.view(np.uint8))
            around = ndimage.binary_dilation(strokes[part], NEIGHBOURS)
            return _place(_scale(around * np.minimum(ink[part] / contrast, 1), size), size)
    return np.zeros(size, np.uint8)


def _to_colours(picture: Image.Image) -> Image.Image:
    """Return the picture in RGB and in a size that is fast to work on."""
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, np.float32)
        values = (values - values.min()) / max(float(np.ptp(values)), 1e-6)
        picture = Image.fromarray((255 * values).astype(np.uint8))
    transparent = picture.has_transparency_data
    picture = picture.convert("RGBA" if transparent else "RGB")
    longer = max(picture.size)
    if longer < SIDES[0]:
        factor = -(-SIDES[0] // longer)
        picture = picture.resize((factor * picture.width, factor * picture.height), Image.Resampling.BICUBIC)
    picture = picture.reduce(max(1, round(longer / SIDES[1])))
    if transparent:
        grey, opacity = picture.convert("LA").split()
        visible = ImageStat.Stat(grey, opacity.point(lambda value: value > 127, "1"))
        dark = visible.count[0] > 0 and visible.mean[0] < 128
        paper = Image.new("RGBA", picture.size, "white" if dark else "black")
        picture = Image.alpha_composite(paper, picture).convert("RGB")
    return picture


def _thumbnail(picture: Image.Image, side: int) -> Grey:
    return np.asarray(picture.reduce(max(1, max(picture.size) // side)), np.float32)


def _is_bright(picture: Image.Image) -> bool:
    """Return whether the strokes are brighter than the background. The background has most of the area and
    most of the border, and strokes differ from it within a shorter distance than uneven light does."""
    grey = _thumbnail(picture, 32).mean(axis=2)
    local = grey - ndimage.gaussian_filter(grey, 0.2 * max(grey.shape))
    spread = max(float(local.std()), 1e-3)
    skewness = float((local**3).mean()) / spread**3
    border = np.concatenate([local[0], local[-1], local[:, 0], local[:, -1]])
    return skewness + float(local.mean() - np.median(border)) / spread > 0


def _without_strokes(small: Grey) -> Grey:
    """Return a thumbnail without its dark strokes."""
    reach = max(3, round(0.3 * max(small.shape)))  # wider than any stroke
    closed: Grey = ndimage.grey_closing(small, (reach, reach, 1)[: small.ndim])
    return closed


def _to_grey(picture: Image.Image, bright: bool) -> Grey:
    """Return grey values from 0 to 1, (height, width), with dark strokes, from the colours in which the
    strokes differ most from the background."""
    small = _thumbnail(picture, 32) / 255
    small = 1 - small if bright else small
    contrast = _without_strokes(small) - small
    strength = contrast.sum(axis=2)
    weights = contrast[strength >= np.quantile(strength, 0.98)].mean(axis=0) + 1e-6
    grey = picture.convert("L", (*(weights / weights.sum()).tolist(), 0))
    values = np.asarray(grey, np.float32) / 255
    return 1 - values if bright else values


def _contrast(grey: Grey) -> Grey:
    """Return the contrast of each pixel with the background, from 0 to 1, whatever light falls on it."""
    picture = Image.fromarray(grey)
    closed = _without_strokes(_thumbnail(picture, 48))
    smooth = Image.fromarray(ndimage.uniform_filter(closed, max(closed.shape) // 6))
    contrast = 1 - grey / np.maximum(np.asarray(smooth.resize(picture.size)), 0.05)
    ink: Grey = np.clip(contrast - np.median(contrast), 0, 1)
    return ink


def _strokes(ink: Grey) -> tuple[Mask, float]:
    """Return where strokes are, (height, width), and their contrast."""
    smooth = ndimage.uniform_filter(ink, 3)
    half = smooth[::2, ::2]  # enough for noise and rules, in a quarter of the time
    noise = float(np.median(half))
    contrast = float(np.quantile(smooth[smooth >= smooth.max() / 2], 0.8))
    sharp = (ndimage.maximum_filter(half, 9) - half).max() > contrast / 2  # which light that fades is not
    if contrast < max(FAINTEST, 6 * noise) or not sharp:
        return np.zeros(ink.shape, np.bool_), 0.0
    rules = np.maximum(_rules(half, contrast), _rules(half.T, contrast).T)
    smooth = smooth - rules.repeat(2, axis=0).repeat(2, axis=1)[: ink.shape[0], : ink.shape[1]]
    parts, count = ndimage.label(smooth > max(FRINGE * contrast, 4 * noise), NEIGHBOURS)
    areas = np.bincount(parts[smooth > EDGE * contrast], minlength=count + 1)
    areas[0] = 0
    return (areas >= max(4, SMALLEST_PART * areas.max()))[parts], contrast


def _rules(ink: Grey, contrast: float) -> Grey:
    """Return the contrast of horizontal rules."""
    length, tilt = (round(share * ink.shape[1]) for share in (RULE_LENGTH, 0.03))
    thick = ndimage.maximum_filter1d(ink, 2 * tilt + 1, axis=0)
    rules = ndimage.maximum_filter1d(ndimage.minimum_filter1d(thick, length, axis=1), length, axis=1)
    return np.where(rules < RULE_CONTRAST * contrast, 1.2 * rules, 0)


def _scale(grey: Grey, size: tuple[int, int]) -> Grey:
    """Return the strokes scaled into the box, with the aspect ratio kept, and thickened if they are thin."""
    large = np.pad(_fit(grey, size, FINE), 2 * FINE)
    strokes = large > EDGE
    width = 4 * float(ndimage.distance_transform_edt(strokes)[strokes].mean())
    growth = (FINE * THINNEST * min(size) / 28 - width) / 2
    if growth > 0:
        distances = ndimage.distance_transform_edt(~strokes)
        large = np.maximum(large, np.clip(growth + 1 - distances, 0, 1))
    (part,) = ndimage.find_objects((large > 0).view(np.uint8))
    return _fit(large[part], size, 1)


def _fit(grey: Grey, size: tuple[int, int], scale: int) -> Grey:
    """Return the strokes scaled into `scale` times the box, with values up to 1."""
    factor = min(scale * BOX * side / length for side, length in zip(size, grey.shape, strict=True))
    height, width = (max(1, round(factor * length)) for length in grey.shape)
    resampling = Image.Resampling.BOX if factor <= 1 else Image.Resampling.BICUBIC
    scaled = np.asarray(Image.fromarray(grey.astype(np.float32)).resize((width, height), resampling))
    bright = float(np.quantile(scaled[scaled > 0.1 * scaled.max()], 0.9))
    fitted: Grey = np.clip(scaled / bright, 0, 1)
    return fitted


def _place(strokes: Grey, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the strokes with their centre of mass in the centre."""
    image = np.zeros(size, np.uint8)
    centre = ndimage.center_of_mass(strokes)
    top, left = (
        min(max(0, round(side // 2 - middle)), side - length)
        for middle, side, length in zip(centre, size, strokes.shape, strict=True)
    )
    image[top : top + strokes.shape[0], left : left + strokes.shape[1]] = np.round(255 * strokes)
    return image
