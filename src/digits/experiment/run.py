"""Train and evaluate. Nothing heavy is imported before the configuration and the data have been accepted."""

from __future__ import annotations

import shlex
from types import ModuleType
from typing import TYPE_CHECKING

from digits.base import paths
from digits.base.errors import UserError
from digits.config.request import Request
from digits.config.schema import Config
from digits.data import archive
from digits.data.splits import Splits

if TYPE_CHECKING:
    from digits.learning.history import Epoch


def check_data(request: Request[Config]) -> archive.Description:
    """Return what is known of the prepared images. Raises UserError if they are not prepared as asked for."""
    return archive.check(request.config, paths.PREPARED)


def check_model(request: Request[Config]) -> None:
    """Raise UserError if the images are not prepared as asked for, or there is no model to score."""
    check_data(request)
    if not request.model_file.exists():
        others = [word for word in request.composed.overrides if not word.startswith(("model_file=", "out="))]
        raise UserError(
            f"{request.model_file}: does not exist; train a model, as models/model.keras: "
            f"{shlex.join(['python', 'src/train.py', *others, 'out=.'])}"
        )


def check(request: Request[Config]) -> None:
    """Raise UserError if the images are not prepared as asked for, or too small for the network."""
    request.config.model.refuse_too_deep(check_data(request).shape)


def train(request: Request[Config]) -> list[Epoch]:
    """Train on the prepared images, write the model and its reports to `request.out`, and return the history.

    Raises UserError if the data are not prepared as asked for, or the training diverges.
    """
    prepared = load_training_images(request)
    history: list[Epoch] = start_learning(request).train(request, prepared)
    return history


def load_training_images(request: Request[Config]) -> Splits:
    """Return the prepared training and validation images.

    Raises UserError if they are not prepared as asked for, or too small for the network.
    """
    prepared = archive.load(request.config, paths.PREPARED, "train", "validation")
    request.config.model.refuse_too_deep(prepared.shape)
    return prepared


def evaluate(request: Request[Config]) -> None:
    """Score `request.model_file` on the prepared test images, and write the reports to `request.out`.

    Raises UserError if the data are not prepared as asked for, or there is no such model.
    """
    prepared = archive.load(request.config, paths.PREPARED, "test")
    start_learning(request).evaluate(request, prepared)


def train_and_evaluate(request: Request[Config]) -> float | None:
    """Do both, as one run. Return the validation accuracy, for sweepers: the test set decides nothing."""
    prepared = load_training_images(request)
    test = archive.load(request.config, paths.PREPARED, "test")
    history: list[Epoch] = start_learning(request).train_and_evaluate(request, prepared, test)
    return history[-1].val_accuracy


def start_learning(request: Request[Config]) -> ModuleType:
    """Start TensorFlow with the requested threads, and return the module that needs it."""
    from digits.learning import runtime

    runtime.start(request.resources.threads)

    from digits.experiment import recorded

    return recorded
