"""The keys of runs, by which they are known before a store has given them an id."""

import time
import uuid

DIGITS = 20  # of the time in nanoseconds with which a key begins, so that keys sort by age


def new_key() -> str:
    """Return a key that no other run has."""
    return f"{time.time_ns():0{DIGITS}d}-{uuid.uuid4().hex[:12]}"


def seconds_since(key: str) -> int:
    """Return how many whole seconds ago the key was made."""
    return (time.time_ns() - int(key[:DIGITS])) // 1_000_000_000
