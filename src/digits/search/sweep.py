"""A sweep as one MLflow run with a child for each trial, and its summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digits import data
from digits.config import CARD, Config
from digits.errors import UserError
from entry_point import ROOT

if TYPE_CHECKING:
    from digits.comparison import Group

Words = tuple[str, ...]


def sweep(
    words: str,
    trials: Mapping[Words, Config],
    launch: Callable[[Sequence[Words]], Sequence[Any]],
    folder: Path,
) -> Sequence[Any]:
    """Launch the trials, each under its words of the command line, and report on all; the jobs.

    With `resume`, those that a sweep of the same words finished earlier are left out. UserError, at the
    end, where trials failed, and before anything starts where their data are not prepared.
    """
    configs = list(trials.values())
    for config in configs:
        settings = data.Settings(config.data.name, config.validation, config.split_seed)
        data.check(ROOT / "data/prepared", settings)

    from digits import parents, tracking

    with parents.sweep_run(words, configs[0].resume) as sweep_id:
        finished = parents.finished_trials(sweep_id)
        left = [
            words
            for words, config in trials.items()
            if {key: str(value) for key, value in tracking.parameters(config).items()} not in finished
        ]
        if len(left) < len(trials):
            print(f"{len(trials) - len(left)} of {len(trials)} trials are finished already")
        jobs = launch(left) if left else []
        report(sweep_id, folder)
    failed = [(words, job) for words, job in zip(left, jobs, strict=True) if job.status.name == "FAILED"]
    if failed:
        words_of_first, first = failed[0]
        raise UserError(
            f"{len(failed)} of {len(trials)} trials failed; the first, {' '.join(words_of_first)}, with "
            f"{type(first._return_value).__name__}: {' '.join(str(first._return_value).split())[:500]}"
        )
    return jobs


def report(sweep_id: str, folder: Path) -> None:
    """Rank the trials, say who won, and keep the table and the picture with the sweep."""
    from digits import comparison, figures, parents

    groups = comparison.fold(parents.trials(sweep_id, "attributes.status = 'FINISHED'"))
    if not groups:
        return
    names = comparison.varying(groups)
    best = groups[:30]
    labels = [comparison.label(group, names) for group in best]
    figures.ranking("trials, best first", best, labels, folder / "summary/ranking.png")
    winner = comparison.command(groups[0], CARD, ROOT / "conf")
    summarize(groups, groups[0], winner, folder)
    print(
        f"best by validation accuracy; to repeat it: {winner}\n"
        f"table and picture: {folder / 'summary'}\n"
        f"look at the trials: make ui SWEEP={sweep_id}\n"
    )


def summarize(groups: Sequence[Group], best: Group, command: str, folder: Path) -> None:
    """Show the ranked `groups`, and keep with the run that is open: their table, what else is in the
    summary of `folder`, and the `command` that repeats the `best` group."""
    from digits import comparison, files, parents, tracking

    rows = comparison.table(groups)
    files.create(folder / "summary/ranking.md").write_text(comparison.markdown(rows))
    files.write_csv(folder / "summary/ranking.csv", rows)
    tracking.log_files(folder / "summary")
    parents.describe_sweep(f"{comparison.markdown(rows)}\n    {command}\n", best)
    comparison.show(rows)
