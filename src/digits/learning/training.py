"""Train a network: the loop over epochs."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence

import keras
from rich.console import Console
from rich.progress import Progress, TextColumn

from digits.base.errors import DivergedError
from digits.config.schema import Config, Network
from digits.data.splits import Splits
from digits.learning.checkpoint import Arrays, State
from digits.learning.history import Epoch
from digits.learning.trainer import Scores, Trainer, Validator
from digits.models import ARCHITECTURES


def train(
    config: Config,
    splits: Splits,
    on_epoch: Callable[[Epoch], object] = lambda _: None,
    start: State | None = None,
    keep: Callable[[Arrays, Sequence[Epoch]], object] = lambda *_: None,
    lines: bool = True,
    bar: bool = True,
) -> tuple[keras.Model, list[Epoch]]:
    """Return a model that was trained on the split train, and its history. Calls `on_epoch` after each epoch.

    With `lines`, prints one for each epoch. With `bar`, a terminal shows how much of the training is done, as
    long as it lasts.

    The training goes on from `start`, to the same bits. After each epoch, before `on_epoch` is called, `keep`
    is called with the state and the history so far, from which it could go on.

    The same arguments give the same weights, to the bit, on a CPU with as many threads; up to three threads
    give the same (see `runtime`).

    Raises DivergedError, a UserError, if the loss is not finite after an epoch.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    model = build_model(config.model, splits.shape, len(splits.classes))
    trainer = Trainer(model, config, splits["train"])
    validator = Validator(model, splits["validation"]) if len(splits["validation"]) else None
    history: list[Epoch] = []
    if start:
        trainer.restore(start.arrays)
        history.extend(start.history)
    console = Console(force_jupyter=False)  # or each line is a piece of HTML in a notebook
    sizes = [trainer.epoch_size(number) for number in range(1, config.epochs + 1)]
    columns = (*Progress.get_default_columns(), TextColumn("{task.fields[score]}"))
    shown = bar and sys.stdout.isatty()
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        done = sum(sizes[: len(history)])
        task = progress.add_task("", total=sum(sizes), completed=done, score="")
        for number in range(len(history) + 1, config.epochs + 1):
            started = time.perf_counter()
            progress.update(task, description=f"epoch {number}/{config.epochs}")
            accuracy, loss = trainer.run_epoch(number, lambda images: progress.advance(task, images))
            if not math.isfinite(loss):
                raise DivergedError(
                    f"learning_rate: {config.learning_rate:g} is too high; "
                    f"the loss is {loss} after epoch {number}"
                )
            scores = validator.scores() if validator else Scores(None, None, None)
            rate, seconds = float(trainer.optimizer.learning_rate), time.perf_counter() - started
            history.append(Epoch(number, accuracy, loss, *scores, rate, seconds))
            keep(trainer.state(), history)
            if lines:
                console.print(history[-1].line(config.epochs), highlight=False, soft_wrap=True)
            if scores.accuracy is not None:
                progress.update(task, score=f"val_accuracy {scores.accuracy:.4f}")
            on_epoch(history[-1])
    return model, history


def build_model(network: Network, shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return the untrained network that the configuration describes, for images of this shape."""
    build = ARCHITECTURES[network.network].build
    return build(shape, classes, **network.arguments)
