"""The errors that a person is meant to read."""

import errno
import re
from collections.abc import Sequence

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


class UserError(Exception):
    """Say in one line what is wrong, which key or file it concerns, and what to do.

    Commands print it without a traceback. Every other exception is a bug and keeps its traceback.
    """


class DivergedError(UserError):
    """The training loss is infinite or not a number."""


def message_of(error: BaseException) -> str:
    """Return what an error says, in one line, or its type if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def shortened(words: Sequence[object], most: int = 10) -> str:
    """Return the first of the words, and how many more there are."""
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(map(str, words[:most])) + more


def disk_message(error: Exception) -> str | None:
    """Return what to do if the disk is full, or does not let this user write, or None for another error."""
    if not isinstance(error, OSError) or error.errno not in (*NO_SPACE, *NOT_WRITABLE):
        return None
    remedy = "choose another folder, or change that one"
    if error.errno in NO_SPACE:
        remedy = "free some, and give the same command again"
    return f"{error.filename or 'the disk'}: {error.strerror}; {remedy}"


def without_credentials(text: str) -> str:
    """Return the text with users and passwords taken out of all URLs."""
    return re.sub(r"(\w://)[^/\s]*@", r"\1", text)
