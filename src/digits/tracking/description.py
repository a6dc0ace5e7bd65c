"""What MLflow shows at the top of a run's page: what was trained, how it is repeated, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from digits.config.schema import Config
from digits.data.splits import Splits
from digits.tracking.repeat import repeat_command

NOTE = "mlflow.note.content"  # the tag; its text is Markdown
LONGEST_COMMAND = 4000  # letters; a longer tag is refused, and with it the run


def of_training(config: Config, splits: Splits, parameters: Mapping[str, str]) -> str:
    """Return what is known when a training with these recorded `parameters` begins."""
    sizes = " and ".join(f"{len(split):,} {name}" for name, split in splits.items() if len(split))
    return (
        f"Model {config.model.name}, recipe {config.recipe.name}, seed {config.seed}, "
        f"on {config.data.name} ({sizes} images). {to_repeat(repeat_command(parameters))}"
    )


def to_repeat(command: str) -> str:
    """Return how a run is repeated."""
    if len(command) > LONGEST_COMMAND:
        return "The command that repeats it is too long to be shown; the parameters say what it was."
    return f"To repeat it: `{command}`"  # not a block of code, which would be as wide as the command


def of_result(epochs: int, val_accuracy: float | None, seconds: float) -> str:
    """Return what came of a training."""
    scored = "" if val_accuracy is None else f"validation accuracy {val_accuracy:.2%} "
    return f"Result: {scored}after {epochs} epoch{'s' if epochs > 1 else ''} in {seconds:.1f} seconds."


def with_test(text: str, test_accuracy: float) -> str:
    """Return the description `text` with the result of the first evaluation in its first paragraph."""
    first, blank, rest = text.partition("\n\n")
    return f"{first} Test accuracy {test_accuracy:.2%}.{blank}{rest}".strip()
