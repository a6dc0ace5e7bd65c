"""What is reported of each epoch."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Epoch:
    """The results of one epoch; `epoch` counts from 1.

    `accuracy` and `loss` (cross-entropy) are averages over the training images while they are trained on.
    With a selection of images they are weighted to be estimates for all of them. `val_accuracy`,
    `val_balanced_accuracy` (the mean over the classes) and `val_loss` are of the validation images after the
    epoch, None without such. `learning_rate` is the one after the last step, `seconds` are wall time,
    validation included.
    """

    epoch: int
    accuracy: float
    loss: float
    val_accuracy: float | None
    val_balanced_accuracy: float | None
    val_loss: float | None
    learning_rate: float
    seconds: float

    def metrics(self) -> dict[str, float]:
        """Return the known values, under the names that terminal, CSV, MLflow and DVC have for them."""
        values = dataclasses.asdict(self)
        del values["epoch"]
        return {name: value for name, value in values.items() if value is not None}

    def line(self, epochs: int) -> str:
        """Return what tells most of epoch `epoch` of `epochs`, in one line of a terminal with 100 columns."""
        heading = f"epoch {self.epoch}/{epochs}".ljust(len(f"epoch {epochs}/{epochs}"))
        known = self.metrics()
        scores = [
            f"{name} {known[name]:.4f}"
            for name in ("accuracy", "loss", "val_accuracy", "val_loss")
            if name in known
        ]
        return "  ".join([heading, *scores, f"seconds {self.seconds:.1f}"])
