"""Run the trials of a sweep, also if a worker is killed, by the system when memory is short for example."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any

Overrides = tuple[str, ...]
RETRIES = 3  # of a trial whose worker is killed


def launch_all(
    trials: Sequence[Overrides],
    launch: Callable[[Sequence[Overrides]], Sequence[Any]],
    stopped: Callable[[], Collection[Overrides]],
    finished: Callable[[], Collection[Overrides]],
) -> dict[Overrides, BaseException]:
    """Launch the trials and return the errors of those that failed.

    If a worker is killed, all of them end, and `launch` raises BrokenExecutor. Then those trials that were
    running, which `stopped` returns once, are launched again one at a time, so that the one that is to blame
    harms no other. After RETRIES it counts as failed. `finished` returns those that are done.
    """
    errors: dict[Overrides, BaseException] = {}
    suspects: list[Overrides] = []
    deaths: Counter[Overrides] = Counter()
    left = list(trials)
    while left:
        batch = suspects[:1] or left
        try:
            jobs = launch(batch)
        except BrokenExecutor as error:
            running = stopped()
            if len(batch) == 1:
                deaths[batch[0]] += 1
            if deaths[batch[0]] > RETRIES:
                errors[batch[0]] = error
                print(f"{' '.join(batch[0])}: its worker was killed {1 + RETRIES} times", file=sys.stderr)
            else:
                print("a worker was killed; what it was running is started again", file=sys.stderr)
            suspects = [words for words in batch if words in running] or list(batch)
        else:
            errors |= _errors(batch, jobs)
            suspects = suspects[1:]
            left = [words for words in left if words not in batch]
        done = {*finished(), *errors}
        left = [words for words in left if words not in done]
        suspects = [words for words in suspects if words in left]
    return errors


def _errors(trials: Sequence[Overrides], jobs: Sequence[Any]) -> dict[Overrides, BaseException]:
    """Return the errors of the jobs that failed, which Hydra keeps in an attribute: the property raises
    them."""
    return {
        words: job._return_value
        for words, job in zip(trials, jobs, strict=True)
        if job.status.name == "FAILED"
    }
