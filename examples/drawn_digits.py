"""Draw handwritten digits in different conditions, as test pictures that are not from MNIST.

python examples/drawn_digits.py FOLDER [--seed N]     writes FOLDER/0/plain-0.png ... FOLDER/9/photo-0.jpg
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.interpolate import make_interp_spline

Stroke = list[tuple[float, float]]  # (x, y) in a unit square, y downwards
Writing = list[Stroke]  # one way to write a digit, in the order of the pen
Colours = tuple[tuple[int, int, int], ...]

# A line is a way to write a digit: strokes, which are smooth curves through points x,y in hundredths. A point
# that follows itself is a corner.
TABLE = """
0 | 54,5 30,15 20,50 30,86 52,95 73,84 80,48 70,14 52,5
0 | 60,8 42,7 27,30 28,70 45,95 64,85 74,50 66,18 48,3
1 | 52,4 50,50 49,96
1 | 30,30 45,19 57,5 57,5 56,96
1 | 33,22 53,5 53,5 52,95 | 28,95 78,95
2 | 22,25 34,9 55,5 74,20 68,44 45,70 20,94 20,94 50,92 82,93
2 | 25,20 42,6 66,10 72,32 56,62 36,87 20,90 24,78 42,82 60,94 82,86
3 | 24,15 45,5 70,14 67,36 44,46 44,46 70,54 77,74 58,93 35,94 20,83
3 | 24,7 74,6 74,6 44,40 44,40 68,46 76,68 62,90 38,95 20,86
4 | 34,6 26,32 20,56 20,56 50,57 82,54 | 66,20 63,60 60,96
4 | 64,96 64,4 64,4 17,66 17,66 86,66
4 | 50,4 33,38 17,62 17,62 84,60 | 60,38 58,96
5 | 32,7 27,43 27,43 50,38 74,52 74,78 52,94 22,88 | 32,7 76,6
5 | 76,6 35,7 35,7 28,42 28,42 55,42 73,60 68,83 47,95 22,90
6 | 68,6 44,20 27,50 26,80 48,95 72,84 70,62 48,55 28,70
6 | 50,4 34,36 28,70 40,93 62,90 70,72 56,58 38,64 31,76
7 | 20,8 50,7 80,6 80,6 58,50 42,96
7 | 20,8 80,7 80,7 60,45 45,96 | 36,52 76,48
7 | 20,22 22,7 22,7 50,10 78,5 78,5 55,50 48,96
8 | 70,16 50,5 31,20 44,42 68,62 70,85 48,95 28,83 34,62 58,42 70,22 68,14
8 | 52,5 34,14 36,36 52,44 68,34 67,13 52,5 | 52,44 28,58 28,84 50,95 74,84 74,58 52,44
9 | 72,20 50,5 28,22 36,45 58,44 73,20 73,20 70,55 62,96
9 | 70,24 56,6 32,12 27,36 48,48 71,26 74,55 66,85 45,95 27,86
"""
STROKES: dict[str, list[Writing]] = {digit: [] for digit in "0123456789"}
for row in TABLE.split("\n")[1:-1]:
    pairs = [[point.split(",") for point in stroke.split()] for stroke in row.split(" | ")[1:]]
    STROKES[row[0]].append([[(int(x) / 100, int(y) / 100) for x, y in stroke] for stroke in pairs])


class Condition(NamedTuple):
    """How a digit is drawn. A pair is the least and the greatest value."""

    widths: tuple[int, int] = (100, 700)  # of the picture, in pixels
    height: tuple[float, float] = (0.45, 0.8)  # of the digit, as a share of the shorter side
    pen: tuple[float, float] = (0.05, 0.11)  # the stroke's width, as a share of the digit's height
    inks: Colours = ((20, 20, 25), (25, 35, 90), (60, 60, 60))
    papers: Colours = ((255, 255, 255), (240, 238, 230))  # none: transparent
    rules: str = ""  # "lined" or "squared"
    shade: float = 0.0  # the greatest share of light that is missing
    noise: float = 0.0  # the standard deviation, in grey values
    jpeg: bool = False
    edge: bool = False  # the digit touches an edge of the picture


DARK = ((10, 10, 10), (30, 60, 45), (45, 45, 50))
CHALK = ((255, 255, 255), (225, 225, 215), (240, 230, 150))
COLOURS = ((200, 30, 30), (20, 130, 50), (30, 80, 220), (230, 120, 20), (150, 40, 150))
TINTED = ((255, 255, 255), (250, 240, 180), (215, 235, 250))
RULES = ((150, 180, 215), (190, 190, 190), (170, 200, 190))
CONDITIONS = {
    "plain": Condition(), "chalk": Condition(inks=CHALK, papers=DARK),
    "thin": Condition((500, 900), (0.5, 0.85), pen=(0.012, 0.03)), "thick": Condition(pen=(0.14, 0.2)),
    "small": Condition((400, 900), (0.15, 0.3)), "noise": Condition(noise=25),
    "shade": Condition(shade=0.6, noise=4, jpeg=True), "edge": Condition(edge=True),
    "lined": Condition((200, 900), pen=(0.035, 0.08), rules="lined"),
    "squared": Condition((200, 900), pen=(0.035, 0.08), rules="squared"),
    "colour": Condition(inks=COLOURS, papers=TINTED, jpeg=True),
    "pencil": Condition((300, 900), pen=(0.02, 0.05), inks=((120, 120, 122), (140, 140, 145)), noise=6),
    "canvas": Condition((280, 280), (0.4, 0.85), inks=((0, 0, 0),), papers=()),
    "photo": Condition((500, 900), (0.3, 0.7), (0.03, 0.07), rules="squared", shade=0.5, noise=8, jpeg=True),
}  # fmt: skip


def strokes_of(digit: str, way: int) -> list[Stroke]:
    """Return the strokes of a way to write a digit as lists of dense (x, y) in a unit square, y downwards."""
    return [_smooth(stroke) for stroke in STROKES[digit][way]]


def _smooth(stroke: Stroke) -> Stroke:
    corners = [n for n in range(1, len(stroke)) if stroke[n] == stroke[n - 1]]
    dense: Stroke = []
    for first, end in zip([0, *corners], [*corners, len(stroke)], strict=True):
        points = np.array(stroke[first:end])
        lengths = np.hypot(*np.diff(points, axis=0).T)
        at = np.array([0, *np.cumsum(np.sqrt(lengths))])  # centripetal: makes no loops of its own
        curve = make_interp_spline(at, points, k=min(3, len(points) - 1))
        dense += map(tuple, curve(np.linspace(0, at[-1], 2 + round(100 * lengths.sum()))).tolist())
    return dense


def _write(digit: str, random: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return strokes, (n, 2) each, as a hand might write them. The digit is 1 high and starts at (0, 0)."""
    writing = STROKES[digit][random.integers(len(STROKES[digit]))]
    slips = {point: random.normal(0, 0.018, 2) for stroke in writing for point in stroke}
    moved = [[tuple(np.add(point, slips[point])) for point in stroke] for stroke in writing]
    angle, slant, width = random.normal(0, 0.07), random.normal(0.12, 0.15), random.uniform(0.8, 1.15)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shear = np.array([[width, 0], [-slant, 1]])
    strokes = [np.array(_smooth(stroke)) @ shear @ turn for stroke in moved]
    low, high = (side(np.concatenate(strokes), axis=0) for side in (np.min, np.max))
    return [(stroke - low) / (high - low)[1] for stroke in strokes]


def draw(digit: str, condition: Condition, random: np.random.Generator) -> Image.Image:
    """Return a picture of a digit, RGB, or RGBA if it is transparent."""
    width = int(random.integers(*condition.widths, endpoint=True))
    height = round(width * random.uniform(0.7, 1.4)) if condition.papers else width
    strokes = _write(digit, random)
    extent = np.concatenate(strokes).max(axis=0)
    scale = random.uniform(*condition.height) * min(width, height) / max(extent)
    pen = max(1.5, random.uniform(*condition.pen) * scale)
    room = np.array([width, height]) - scale * extent - pen
    place = random.uniform(0.1, 0.9, 2)
    if condition.edge:
        place[random.integers(2)] = random.integers(2)
    ink = Image.new("L", (2 * width, 2 * height))  # twice as large, for smooth edges
    for stroke in strokes:
        pressure = 1 + 0.12 * np.sin(np.linspace(0, random.uniform(2, 8), len(stroke)) + random.uniform(0, 6))
        for point, radius in zip(2 * (stroke * scale + place * room + pen / 2), pen * pressure, strict=True):
            ImageDraw.Draw(ink).circle(tuple(point), radius, 255)
    colour, ink = condition.inks[random.integers(len(condition.inks))], ink.reduce(2)
    if not condition.papers:
        return Image.merge("RGBA", (*Image.new("RGB", ink.size, colour).split(), ink))
    picture = Image.new("RGB", ink.size, condition.papers[random.integers(len(condition.papers))])
    if condition.rules:
        rule = RULES[random.integers(len(RULES))]
        picture.paste(rule, mask=_rules(ink.size, scale, condition.rules, random))
    picture.paste(colour, mask=ink)
    return _photograph(picture, condition, random)


def _rules(size: tuple[int, int], scale: float, rules: str, random: np.random.Generator) -> Image.Image:
    """Return the rules of paper as a mask. They are nearly horizontal and vertical."""
    mask = Image.new("L", (2 * size[0], 2 * size[1]))
    step = 2 * scale * (random.uniform(0.5, 1.2) if rules == "lined" else random.uniform(0.2, 0.6))
    tilt, first = random.normal(0, 0.02), random.uniform(0, step)
    width = max(2, round(2 * scale * random.uniform(0.008, 0.02)))
    for at in np.arange(first - sum(mask.size), sum(mask.size), step):
        ImageDraw.Draw(mask).line([(0, at), (mask.width, at + tilt * mask.width)], 255, width)
        if rules == "squared":
            ImageDraw.Draw(mask).line([(at, 0), (at - tilt * mask.height, mask.height)], 255, width)
    return mask.reduce(2)


def _photograph(picture: Image.Image, condition: Condition, random: np.random.Generator) -> Image.Image:
    """Return the picture as a camera sees it, in uneven light."""
    if condition.jpeg:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2)))
    pixels = np.asarray(picture).astype(np.float64)
    if condition.shade:
        y, x = (axis / max(picture.size) - 0.5 for axis in np.indices(pixels.shape[:2]))
        along = x * np.cos(angle := random.uniform(0, 2 * np.pi)) + y * np.sin(angle)
        shadow = 1 / (1 + np.exp(-(along - random.uniform(-0.2, 0.2)) / random.uniform(0.02, 0.2)))
        pixels *= (1 - random.uniform(0.5, 1) * condition.shade * shadow)[..., None]
    pixels += random.normal(0, condition.noise, pixels.shape)
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if condition.jpeg:
        picture.save(stream := io.BytesIO(), "JPEG", quality=int(random.integers(50, 90)))
        picture = Image.open(stream)
    return picture


def pictures(seed: int) -> Iterator[tuple[str, str, Image.Image]]:
    """Yield each digit, the name of each condition and a picture. The same seed gives the same pictures."""
    random = np.random.default_rng(seed)
    for name, condition in CONDITIONS.items():
        for digit in STROKES:
            yield digit, name, draw(digit, condition, random)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    for digit, condition, image in pictures(arguments.seed):
        suffix = "jpg" if image.format == "JPEG" else "png"
        file = arguments.folder / digit / f"{condition}-{arguments.seed}.{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, quality="keep")


if __name__ == "__main__":
    main()
