"""Files are read and written."""

import hashlib
from pathlib import Path

from digits.base import files


def test_csv_has_the_keys_of_its_rows_as_header(tmp_path: Path) -> None:
    files.write_csv(tmp_path / "a.csv", ({"n": n, "square": n * n} for n in (1, 2)))
    assert (tmp_path / "a.csv").read_text() == "n,square\n1,1\n2,4\n"


def test_the_md5_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"digits")
    assert files.md5(tmp_path / "a") == hashlib.md5(b"digits").hexdigest()
