"""Bring the entries of an outbox into the store."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from digits.base.interrupts import interrupts_held
from digits.tracking import scores, store, writer
from digits.tracking.entries import Entry
from digits.tracking.outbox import Outbox, older_one_waits
from digits.tracking.store import StoreAwayError

LARGEST_GROUP = 100  # entries with metrics that are sent in one request


class Delivery:
    """Delivers in the order of the entries. An entry that is delivered again changes nothing, so that it does
    not matter if an answer of the store was lost."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self._recorded_epochs: set[int] | None = None

    def deliver_next(self) -> None:
        """Deliver the next entry, or the next few if all have metrics. Raises what MLflow's client raises."""
        first = self.outbox.waiting[0]
        if first.kind == "metrics":
            # a copy, since another thread appends meanwhile
            several = list(self.outbox.waiting)[:LARGEST_GROUP]
            group = list(itertools.takewhile(lambda entry: entry.kind == "metrics", several))
            self._deliver_metrics(group)
            self.outbox.mark_delivered(group[-1], self.outbox.run_id)
        else:
            run_id = _KINDS[first.kind](self.outbox, first)
            self.outbox.mark_delivered(first, run_id or self.outbox.run_id)

    def deliver_all(self) -> None:
        """Deliver all that is left."""
        while self.outbox.waiting:
            with interrupts_held():
                self.deliver_next()

    def _deliver_metrics(self, group: list[Entry]) -> None:
        run_id = self.outbox.run_id
        if self._recorded_epochs is None and any(entry.values["again"] for entry in group):
            self._recorded_epochs = {step for step, _ in store.metric_history(run_id, "loss")}
        points = [
            (entry.values["metrics"], entry.time, entry.values["step"])
            for entry in group
            if not (entry.values["again"] and entry.values["step"] in (self._recorded_epochs or ()))
        ]
        writer.log_metrics(run_id, points)


def _start(outbox: Outbox, entry: Entry) -> str:
    values = entry.values
    recording = values["recording"]
    if not values["shared"] and older_one_waits(outbox.key, "recording", recording):
        raise StoreAwayError("what was recorded of the run before it was interrupted comes first")
    return writer.start_run(recording, values["name"], values["tags"], values["process"], entry.time)


def _set_tags(outbox: Outbox, entry: Entry) -> None:
    writer.set_tags(outbox.run_id, entry.values)


def _log_params(outbox: Outbox, entry: Entry) -> None:
    writer.log_params(outbox.run_id, entry.values)


def _log_inputs(outbox: Outbox, entry: Entry) -> None:
    writer.log_inputs(outbox.run_id, entry.values["inputs"])


def _log_files(outbox: Outbox, entry: Entry) -> None:
    writer.log_files(outbox.run_id, outbox.folder / entry.values["folder"])


def _log_model(outbox: Outbox, entry: Entry) -> None:
    values = entry.values
    folder = outbox.folder / values["folder"]
    writer.log_model(outbox.run_id, folder, values["model_md5"], values["digest"], entry.time)


def _end(outbox: Outbox, entry: Entry) -> None:
    writer.end_run(outbox.run_id, entry.values["status"], entry.values["error"], entry.time)


def _record_scores(outbox: Outbox, entry: Entry) -> str:
    if older_one_waits(outbox.key, "model_md5", entry.values["model_md5"]):
        raise StoreAwayError("the run that trained this model comes first")
    return scores.record(outbox.key, entry.values, outbox.folder / entry.values["folder"], entry.time)


_KINDS: dict[str, Callable[[Outbox, Entry], str | None]] = {
    "store": lambda *_: None,  # which says for which store the others are
    "start": _start,
    "tags": _set_tags,
    "params": _log_params,
    "inputs": _log_inputs,
    "files": _log_files,
    "model": _log_model,
    "end": _end,
    "scores": _record_scores,
}
