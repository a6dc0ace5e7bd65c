"""What is said of an error."""

import errno
import os

import pytest

from digits.base.errors import disk_message


def os_error(number: int, *file: str) -> OSError:
    return OSError(number, os.strerror(number), *file)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            os_error(errno.ENOSPC, "a/b"),
            "a/b: No space left on device; free some, and give the same command again",
        ),
        (
            os_error(errno.ENOSPC),
            "the disk: No space left on device; free some, and give the same command again",
        ),
        (os_error(errno.EACCES, "a"), "a: Permission denied; choose another folder, or change that one"),
        (os_error(errno.ENOENT, "a"), None),
        (OSError("of a library"), None),
        (ValueError("no space"), None),
    ],
)
def test_an_error_of_the_disk_says_where_and_what_to_do(error: Exception, message: str | None) -> None:
    assert disk_message(error) == message
