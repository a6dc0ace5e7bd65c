"""The errors that a person is meant to read."""

import re


class UserError(Exception):
    """Say in one line what is wrong, which key or file it concerns, and what to do.

    Commands print it without a traceback. Every other exception is a bug and keeps its traceback.
    """


class DivergedError(UserError):
    """The training loss is infinite or not a number."""


def message_of(error: Exception) -> str:
    """Return what an error says, in one line, or its type if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def without_credentials(text: str) -> str:
    """Return the text with users and passwords taken out of all URLs."""
    return re.sub(r"(\w://)[^/\s]*@", r"\1", text)
