"""Open the store at the start of a command, and bring in order what earlier commands left."""

from __future__ import annotations

import contextlib
import dataclasses
import sys

import mlflow

from digits.base.interrupts import interrupts_held
from digits.base.processes import is_gone, this_process
from digits.tracking import store
from digits.tracking.address import experiment_name, shown, store_name, tracking_uri
from digits.tracking.delivery import Delivery
from digits.tracking.failures import is_final, reason_of, unless_denied
from digits.tracking.outbox import Outbox, open_left


@dataclasses.dataclass
class Left:
    """The `experiment` that is open, and what earlier commands left: whether something is `delivered` now,
    whether something is still `kept`, and the names of the stores that the rest is for."""

    experiment: str
    delivered: bool = False
    kept: bool = False
    elsewhere: set[str] = dataclasses.field(default_factory=set)


def open_store() -> Left:
    """Make the store current, deliver what earlier commands could not, and end the runs of processes that are
    gone.

    Raises UserError if the store cannot be opened.
    """
    left = Left(store.use())
    for outbox in open_left():
        with contextlib.closing(outbox):
            if outbox.destination not in (None, destination()):
                left.elsewhere.add(outbox.destination[0])
            elif not outbox.waiting:
                outbox.remove()
            elif _deliver(outbox):
                left.delivered = True
            else:
                left.kept = True
    if left.delivered:
        print("recorded what waited in outbox/", file=sys.stderr)
    _end_left_runs(left.experiment)
    return left


def destination() -> tuple[str, str]:
    """Return the names of the store and of the experiment that runs are recorded in now."""
    return store_name(), experiment_name()


def waits_for_this_store() -> bool:
    """Return whether something waits for the store that no living process delivers."""
    for outbox in open_left():
        outbox.close()
        if outbox.destination == destination():
            return True
    return False


def _deliver(outbox: Outbox) -> bool:
    """Deliver what is left in an outbox and remove it, or say why not. Return whether that was possible."""
    try:
        Delivery(outbox).deliver_all()
    except Exception as error:
        if not is_final(error):
            print(
                f"{shown(tracking_uri())} does not take what waits of a run ({reason_of(error)}); "
                "`make sync` tries again",
                file=sys.stderr,
            )
            return False
        aside = outbox.set_aside()
        print(
            f"{shown(tracking_uri())} refuses what waited of a run ({reason_of(error)}); "
            f"it is kept in {aside}",
            file=sys.stderr,
        )
        return False
    outbox.remove()
    return True


@interrupts_held()
def _end_left_runs(experiment: str) -> None:
    """Mark runs as KILLED that a process of this machine left RUNNING when it was killed."""
    client = mlflow.MlflowClient()
    host = this_process()["host"]
    running = f"attributes.status = 'RUNNING' and tags.host = '{host}'"
    for run in client.search_runs([experiment], running):
        if is_gone(run.data.tags):
            with unless_denied():
                client.set_terminated(run.info.run_id, "KILLED")
                client.set_tag(run.info.run_id, "error", "its process was killed")
