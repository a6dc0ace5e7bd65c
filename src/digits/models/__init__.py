"""The networks by name.

A new one is a function in this package, an entry in NETWORKS, and a preset in conf/model/ that gives its
arguments. The function's signature is the schema of the preset.
"""

from collections.abc import Callable
from typing import Any

from digits.models.networks import compact, tutorial, vgg

NETWORKS: dict[str, Callable[..., Any]] = {"tutorial": tutorial, "compact": compact, "vgg": vgg}
