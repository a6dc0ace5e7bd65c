"""A model with known answers, and runs that have recorded it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from digits.base import files
from digits.data.splits import Split, Splits
from digits.tracking import runs, store
from serving_models import band_model, save_model
from support import DIGEST, MakeSplit, make_request, make_splits

Record = Callable[..., str]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The file of a model for digits, which are prepared as MNIST was."""
    return save_model(band_model(), tmp_path / "model.keras")


@pytest.fixture
def record(
    tmp_path: Path,
    make_split: MakeSplit,
    recording: str,  # noqa: ARG001 the store
    monkeypatch: pytest.MonkeyPatch,
) -> Record:
    """Record a run whose model is right on the first `right` of 100 validation images, except those in
    `wrong`. Returns the run's id."""
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # as commands do
    splits = make_splits(train=make_split(20), validation=make_split(100), test=make_split(10))

    def record_run(
        right: int,
        *overrides: str,
        wrong: tuple[int, ...] = (),
        answers: bool = True,
        digest: str = DIGEST,
        model: keras.Model | None = None,
    ) -> str:
        request = make_request(*overrides)
        is_right = [number < right and number not in wrong for number in range(100)]
        rows = [{"actual": "1", "predicted": "1" if each else "2"} for each in is_right]
        made = Splits(splits.by_name, digest, splits.classes)
        with runs.training_run(request, made, {}) as recorded:
            recorded.log_metrics({"val_accuracy": sum(is_right) / 100}, 1)
            if answers:
                recorded.log_texts({store.VALIDATION_ANSWERS: files.to_csv(rows)})
            kept = model or band_model(0.01 + right / 10_000)
            seen = Split(np.zeros((2, *kept.input_shape[1:]), np.uint8), np.zeros(2, np.uint8))
            file = save_model(kept, tmp_path / f"{right}.keras")
            recorded.log_model(kept, file, Splits({"train": seen}, digest, splits.classes))
        return recorded.run_id

    return record_run
