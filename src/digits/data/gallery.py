"""Draw images in rows, each below its caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits.base.drawing import new_figure, save_figure
from digits.data.splits import Split


def draw_gallery(
    title: str, images: NDArray[np.uint8], captions: Sequence[str], columns: int, file: Path
) -> None:
    """Draw (n, 28, 28, 1) `images`, dark on light, `columns` in a row."""
    rows = max(1, -(-len(images) // columns))
    figure, (axis,) = new_figure(title, 1, 1.25 * columns, 0.4 + 1.5 * rows)
    side, width, height = 28, 35, 42  # of an image, and of its place with the caption above it
    for n, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = (n // columns + 1) * height - side, n % columns * width
        extent = (left, left + side, top + side, top)
        axis.imshow(image.squeeze(-1), cmap="gray_r", vmin=0, vmax=255, extent=extent)
        axis.text(left + side / 2, top - 1, caption, ha="center", va="bottom", fontsize=9)
    # one pair of axes, since a pair for each of 24 images takes five times as long
    axis.set(xlim=(0, columns * width - (width - side)), ylim=(rows * height, 0))
    axis.set_axis_off()
    save_figure(figure, file)


def draw_first_nine(title: str, split: Split, file: Path) -> None:
    """Draw the first nine images below their labels, three by three."""
    draw_gallery(title, split.images[:9], [str(label) for label in split.labels[:9]], 3, file)
