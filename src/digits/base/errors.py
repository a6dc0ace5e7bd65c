"""The errors that a person is meant to read."""


class UserError(Exception):
    """Say in one line what is wrong, which key or file it concerns, and what to do.

    Commands print it without a traceback. Every other exception is a bug and keeps its traceback.
    """


class DivergedError(UserError):
    """The training loss is infinite or not a number."""
