"""Picture files, as a person has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import drawn_digits

COLORS = {"apple": (200, 40, 40), "leaf": (40, 180, 60), "sky": (60, 120, 220)}


def write_photos(folder: Path) -> None:
    """Write 25 photographs of each of three classes, of different sizes."""
    random = np.random.default_rng(0)
    for name, color in COLORS.items():
        (folder / name).mkdir(parents=True)
        for number in range(25):
            size = random.integers(40, 120, 2)
            noise = random.integers(-30, 30, (*size, 3)) + color
            photo = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
            photo.save(folder / name / f"IMG_{number:04}.jpg")


def write_drawings(folder: Path, seed: int) -> int:
    """Write drawn digits, in a folder for each digit, and return how many there are."""
    count = 0
    for digit, name, picture in drawn_digits.pictures(seed):
        (folder / digit).mkdir(parents=True, exist_ok=True)
        picture.convert("RGBA" if picture.mode == "RGBA" else "RGB").save(
            folder / f"{digit}/{name}-{count}.png"
        )
        count += 1
    return count
