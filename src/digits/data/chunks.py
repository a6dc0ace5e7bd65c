"""Work on many files, a chunk at a time, on all processors."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from digits.base.interrupts import raise_if_interrupted, terminal_signals_blocked
from digits.base.processes import exit_with, processors

CHUNK = 250  # files that a process works on at a time
FEW = 1000  # files that are done sooner than a second process has started


def in_chunks(n: int, call: Callable[[range], tuple[Any, ...]]) -> Iterator[Any]:
    """Yield what is returned for each chunk of `n` files, in order, and show the progress on a terminal.
    `call` returns a function, which can be pickled, and its arguments for a chunk."""
    from joblib import Parallel, delayed
    from rich.console import Console
    from rich.progress import Progress

    warnings.filterwarnings("ignore", ".* tasks ", UserWarning, "joblib")  # after an interrupt
    jobs = processors() if n > FEW else 1
    chunks = [range(first, min(first + CHUNK, n)) for first in range(0, n, CHUNK)]
    with Progress(
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # or what is printed would go to the terminal, not to a file
    ) as progress:
        bar = progress.add_task(f"{n:,} pictures", total=n)
        parallel = Parallel(jobs, return_as="generator", initializer=exit_with, initargs=(os.getpid(),))
        if jobs > 1:
            _start_trackers()
        with terminal_signals_blocked():  # this process is interrupted, and ends the others
            results = parallel(delayed(function)(*arguments) for function, *arguments in map(call, chunks))
        for chunk, result in zip(chunks, results, strict=True):
            raise_if_interrupted()
            yield result
            progress.advance(bar, len(chunk))


def _start_trackers() -> None:
    """Start the processes that clean up after others: to start them unblocks SIGINT."""
    import multiprocessing.resource_tracker

    from joblib.externals.loky.backend import resource_tracker

    multiprocessing.resource_tracker.ensure_running()
    resource_tracker.ensure_running()
