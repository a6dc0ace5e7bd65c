"""The networks by name.

A new one is a function in this package, an entry in ARCHITECTURES, and a preset in conf/model/ that gives its
arguments: the function's keyword-only parameters are the schema of the preset.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from digits.base.errors import UserError
from digits.models import networks


@dataclasses.dataclass(frozen=True)
class Architecture:
    """`build` takes the shape of the images, the number of classes, and the arguments of a preset.
    `kernels` takes the same arguments and returns the sizes of the kernels in each stage: convolutions
    without padding, with 2 x 2 pooling between the stages."""

    build: Callable[..., Any]
    kernels: Callable[..., list[list[int]]]


ARCHITECTURES: dict[str, Architecture] = {
    "tutorial": Architecture(networks.tutorial, networks.tutorial_kernels),
    "compact": Architecture(networks.compact, networks.compact_kernels),
    "vgg": Architecture(networks.vgg, networks.vgg_kernels),
}


def refuse_too_deep(preset: str, network: str, arguments: Mapping[str, Any], shape: networks.Shape) -> None:
    """Raise UserError if the stages of the network do not fit images of this shape."""
    kernels = ARCHITECTURES[network].kernels(**arguments)
    fitting = fitting_stages(kernels, min(shape[:2]))
    if fitting < len(kernels):
        height, width, _ = shape
        raise UserError(
            f"model: {preset} has {len(kernels)} stages, and images of {height} x {width} have room for "
            f"{fitting}; choose another preset, or shorten model.filters"
        )


def fitting_stages(kernels: list[list[int]], side: int) -> int:
    """Return how many of the stages leave something of images with `side` pixels in their shorter side."""
    for done, stage in enumerate(kernels):
        if done:
            side //= 2
        side -= sum(kernel - 1 for kernel in stage)
        if side < 1:
            return done
    return len(kernels)
