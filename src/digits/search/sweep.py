"""Run a sweep as one MLflow run with a child for each trial, and rank the trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digits.base import paths
from digits.base.errors import UserError, message_of
from digits.config.naming import names_of_trials
from digits.config.request import Request
from digits.config.schema import Config
from digits.data import archive
from digits.search.launching import Overrides, launch_all

if TYPE_CHECKING:
    from digits.tracking.recording import Recording

NOT_COMPARED = ("resume=", "threads=", "hydra.", "hydra/")  # how a sweep is computed, not which sweep it is


def sweep(
    overrides: Sequence[str],
    requests: Mapping[Overrides, Request[Config]],
    launch: Callable[[Sequence[Overrides]], Sequence[Any]],
    folder: Path,
) -> None:
    """Launch the trials, each a request with its overrides, and print and record their ranking.

    `overrides` are those of the sweep. With the option resume, trials that a sweep of the same overrides has
    finished are left out.

    Raises UserError before anything starts if a trial's data are not prepared or it has no validation images,
    and at the end if trials failed.
    """
    for request in requests.values():
        if request.config.validation == 0:
            raise UserError("validation: a sweep ranks its trials by validation accuracy; set it above 0")
    digests = {}
    for words, request in requests.items():
        prepared = archive.check(request.config, paths.PREPARED)
        request.config.model.refuse_too_deep(prepared.shape)
        digests[words] = prepared.digest

    from digits.search import trials  # imports MLflow, which a wrong override need not wait for
    from digits.tracking.described import recorded_parameters
    from digits.tracking.opening import open_store
    from digits.tracking.repeat import to_override
    from digits.tracking.store import StoreAwayError

    resume = next(iter(requests.values())).options.resume is True
    compared = sorted(word for word in overrides if not word.startswith(NOT_COMPARED))
    which = " ".join(compared)
    names = names_of_trials(list(requests))
    named = {
        words: [to_override("run_name", name)] if name else []
        for words, name in zip(requests, names, strict=True)
    }
    recorded = {words: recorded_parameters(each.config, digests[words]) for words, each in requests.items()}
    same = set.intersection(*map(set, requests))
    name = " ".join(sorted(compared, key=lambda word: word in same))  # what is swept comes first
    common = trials.common_parameters(list(recorded.values()))
    parameters = {"sweep": which, "trials": len(requests), **common}
    with trials.sweep_run(which, resume, name, parameters) as parent:
        sweep_id = parent.run_id

        def finished() -> set[Overrides]:
            open_store()  # which records what trials could not while it was away
            done = trials.finished_trials(sweep_id)
            return {words for words, parameters in recorded.items() if parameters in done}

        def stopped() -> set[Overrides]:
            ended = trials.mark_stopped_trials(sweep_id)
            return {words for words, parameters in recorded.items() if parameters in ended}

        done = finished()
        left = [words for words in requests if words not in done]
        if done:
            print(f"{len(done)} of {len(requests)} trials are finished already")
        try:
            errors = launch_all(
                left,
                lambda batch: launch([(*words, f"parent_run={sweep_id}", *named[words]) for words in batch]),
                stopped,
                finished,
            )
            _report(parent, folder / "summary")
        except StoreAwayError as error:
            raise UserError(
                f"{error}; once it is back, the same command with resume=true ranks the trials"
            ) from error
    if errors:
        first, reason = next(iter(errors.items()))
        raise UserError(
            f"{len(errors)} of {len(requests)} trials failed; the first, {' '.join(first)}, with "
            f"{type(reason).__name__}: {message_of(reason)[:500]}; resume=true runs them again"
        )


def _report(parent: Recording, folder: Path) -> None:
    from digits.reports.ranking import rank
    from digits.search import results, trials
    from digits.tracking.repeat import repeat_command

    groups = rank(trials.trials(parent.run_id, "attributes.status = 'FINISHED'"))
    if groups:
        command = repeat_command(groups[0].records[0].parameters)
        results.report(parent, groups, groups[0], command, folder)
        results.print_where_to_look(parent.run_id, command, folder)
