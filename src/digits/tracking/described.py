"""Describe what is trained and tested, as a run records it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.numpy_dataset import from_numpy

from digits.base.errors import shortened
from digits.config.schema import Config
from digits.data.splits import Splits
from digits.tracking.records import DATA_DIGEST

Inputs = Sequence[tuple[str, Mapping[str, Any]]]  # data sets, each with its context, as MLflow describes them


def recorded_parameters(config: Config, digest: str) -> dict[str, str]:
    """Return what tells runs apart, as MLflow gives it back: configuration and digest of the data."""
    return config.recorded_parameters() | {DATA_DIGEST: digest}


def data_tags(splits: Splits) -> dict[str, object]:
    """Return tags that say which classes there are, and how many test images were seen in training."""
    tags: dict[str, object] = {"classes": shortened(splits.classes, most=100)}
    return tags | ({"leaked_test_images": splits.leaked} if splits.leaked else {})


def describe_splits(config: Config, splits: Splits) -> Inputs:
    """Return the splits as data sets, each with its shape and digest, except those without images."""
    source = CodeDatasetSource({"data": config.data.name, "split_seed": config.split_seed})
    described = {
        name: from_numpy(split.images, source, split.labels, f"{config.data.name} {name}", split.digest)
        for name, split in splits.items()
        if len(split)
    }
    return [(name, data.to_dict()) for name, data in described.items()]
