"""Read and write the IDX format of the MNIST files: a magic number, the sizes, then unsigned bytes; gzipped.

LeCun, Cortes and Burges described it on the page that first offered MNIST.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits.base.errors import UserError

# images and labels of the training set, and of the test set
TRAIN = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")

UNSIGNED_BYTE = 0x08
FETCH_AGAIN = "fetch it again with `dvc repro --force fetch`"


def read(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array in `file`, which must have this many dimensions and exactly the bytes for them.

    Raises UserError if the file is missing, incomplete, too long, or not IDX.
    """
    header = 4 + 4 * dimensions
    try:
        content = gzip.decompress(file.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist; `dvc repro fetch` fetches it") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{file}: is not a complete gzip file ({error}); {FETCH_AGAIN}") from None
    if len(content) < header or content[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)):
        raise UserError(f"{file}: is not an IDX file of {dimensions} dimensions; {FETCH_AGAIN}")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    found, expected = len(content) - header, math.prod(shape)
    if found != expected:
        raise UserError(f"{file}: has {found:,} bytes of data, not {expected:,}; {FETCH_AGAIN}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def write(file: Path, array: NDArray[np.uint8]) -> None:
    """Write `array` to `file`. Equal arrays make equal files."""
    header = bytes((0, 0, UNSIGNED_BYTE, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    file.write_bytes(gzip.compress(header + array.tobytes(), mtime=0))
