"""The one exception that a person is meant to read."""


class UserError(Exception):
    """Says in one line what is wrong, which key or file it concerns, and what to do.

    The entry points print it without a traceback; every other exception is a bug and keeps its own.
    """


class Diverged(UserError):
    """The loss is no longer a number, so that further training is in vain."""
