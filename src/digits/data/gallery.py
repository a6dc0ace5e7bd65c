"""Draw images in rows, each below its caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from digits.base.drawing import new_figure, save_figure
from digits.data.arrays import Pixels, as_pictures
from digits.data.splits import Splits

LONGEST_NAME = 14  # letters, which have room above an image


def draw_gallery(title: str, images: Pixels, captions: Sequence[str], columns: int, file: Path) -> None:
    """Draw (n, height, width, channels) `images`, `columns` in a row."""
    rows = max(1, -(-len(images) // columns))
    figure, (axis,) = new_figure(title, 1, 1.25 * columns, 0.4 + 1.5 * rows)
    side, width, height = 28, 35, 42  # of an image, and of its place with the caption above it
    size = 9 if all(caption.count("\n") < 2 for caption in captions) else 7.5  # long names are on three
    tall, wide = (side * n / max(images.shape[1:3]) for n in images.shape[1:3])
    for n, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = (n // columns + 1) * height - side, n % columns * width
        across, down = left + (side - wide) / 2, top + (side - tall) / 2
        axis.imshow(
            as_pictures(image),
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=(across, across + wide, down + tall, down),
            aspect="equal",
        )
        axis.text(left + side / 2, top - 1, caption, ha="center", va="bottom", fontsize=size)
    # one pair of axes, since a pair for each of 24 images takes five times as long
    axis.set(xlim=(0, columns * width - (width - side)), ylim=(rows * height, 0))
    axis.set_axis_off()
    save_figure(figure, file)


def draw_first_nine(title: str, splits: Splits, file: Path) -> None:
    """Draw the first nine images of the split train below the names of their classes, three by three."""
    split = splits["train"]
    names = [short_name(splits.classes[label]) for label in split.labels[:9]]
    draw_gallery(title, split.images[:9], names, 3, file)


def short_name(name: str, longest: int = LONGEST_NAME) -> str:
    """Return the name of a class with its middle left out if it has more than `longest` letters."""
    half = longest // 2
    return name if len(name) <= longest else f"{name[: longest - half - 1]}…{name[-half:]}"
