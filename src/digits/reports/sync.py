"""Bring to the store what waits in the outbox, and say what came of it."""

from __future__ import annotations

from digits.base.errors import UserError
from digits.tracking.address import shown, tracking_uri
from digits.tracking.opening import open_store


def sync() -> None:
    """Deliver everything that waits for the store. Raises UserError if something still does afterwards."""
    left = open_store()
    address = shown(tracking_uri())
    if left.kept:
        raise UserError(f"{address} does not take what waits in outbox/; it is kept there")
    if not left.delivered:
        print(f"nothing waits for {address}")
    for store in sorted(left.elsewhere):
        print(f"what is for {store} waits in outbox/ until MLFLOW_TRACKING_URI names that")
