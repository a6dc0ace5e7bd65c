"""Optuna's samplers and pruners, as a preset of conf/search/ asks for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import optuna

from digits.search.space import Settings, Tpe


def sampler(settings: Settings, trial: int) -> optuna.samplers.BaseSampler:
    """Return the sampler for the trial with this number. It has a seed of its own, which makes a continued
    study equal to an uninterrupted one, and keeps processes apart."""
    chosen = settings.sampler
    seed = int(np.random.SeedSequence([chosen.seed, trial]).generate_state(1)[0])
    if isinstance(chosen, Tpe):
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=chosen.n_startup_trials)
    return optuna.samplers.RandomSampler(seed=seed)


def pruner(settings: Settings) -> optuna.pruners.BasePruner:
    """Return the pruner of all trials."""
    pruners: dict[str, Callable[..., optuna.pruners.BasePruner]] = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "halving": optuna.pruners.SuccessiveHalvingPruner,
        "threshold": optuna.pruners.ThresholdPruner,
    }
    return pruners[settings.pruner.name](**settings.pruner.model_dump(exclude={"name"}))
