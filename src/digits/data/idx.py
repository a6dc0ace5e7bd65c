"""Read and write the IDX format of the MNIST files: a magic number, the sizes, then unsigned bytes; gzipped.

LeCun, Cortes and Burges described it on the page that first offered MNIST.
"""

import gzip
import math
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits.base import files
from digits.base.errors import UserError, message_of

# images and labels of the training set, and of the test set
TRAIN = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")

UNSIGNED_BYTE = 0x08
MAGIC = bytes((0, 0, UNSIGNED_BYTE))
LARGEST = 2**30  # bytes of data, which is 20 times MNIST


def read_split(folder: Path, names: tuple[str, str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images, (n, height, width, channels), and labels, (n,), in the files with these names.

    Raises UserError as `read` does.
    """
    images, labels = read(folder / names[0], 3, 4), read(folder / names[1], 1)
    return images[..., np.newaxis] if images.ndim == 3 else images, labels


def copy(source: Path, target: Path) -> None:
    """Copy the four files in the folder `source`, which may be gzipped or not, to `target`, gzipped.

    Raises UserError if one is missing.
    """
    for name in (*TRAIN, *TEST):
        zipped = source / name
        plain = zipped.with_suffix("")
        if zipped.exists():
            shutil.copyfile(zipped, target / name)
        elif plain.exists():
            with plain.open("rb") as content, gzip.open(target / name, "wb", compresslevel=1) as stream:
                shutil.copyfileobj(content, stream)
        else:
            raise UserError(f"{zipped}: does not exist, neither with .gz nor without")


def unpack(archive: Path, prefix: str, target: Path) -> None:
    """Write the four files whose names in the zip `archive` begin with `prefix` to `target`, under the names
    of MNIST, and remove the archive. There the test set is called test.

    Raises UserError if the archive is damaged, or a file is not in it.
    """
    try:
        with zipfile.ZipFile(archive) as members:
            for name in (*TRAIN, *TEST):
                with members.open(prefix + name.replace("t10k", "test")) as member:
                    (target / name).write_bytes(member.read(LARGEST))
    except (KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{archive.name}: {message_of(error)}") from None
    archive.unlink()


def read(file: Path, *dimensions: int) -> NDArray[np.uint8]:
    """Return the array in `file`, which must have one of these numbers of dimensions, and exactly the bytes
    for them.

    No more memory is used than the header asks for, nor more than LARGEST bytes and a few.

    Raises UserError if the file is missing, not a regular one, incomplete, too long, too large, or not IDX.
    """
    try:
        with files.open_regular(file) as compressed, gzip.GzipFile(fileobj=compressed) as stream:
            start = stream.read(4)
            sizes = stream.read(4 * start[3]) if len(start) == 4 else b""
            if start[:3] != MAGIC or start[3] not in dimensions or len(sizes) < 4 * start[3]:
                wanted = " or ".join(map(str, dimensions))
                raise UserError(f"{file}: is not an IDX file of {wanted} dimensions")
            shape = struct.unpack(f">{start[3]}I", sizes)
            expected = math.prod(shape)
            if expected > LARGEST:
                raise UserError(f"{file}: has shape {shape}; at most {LARGEST:,} bytes are read")
            content = stream.read(expected + 1)  # the end of the file, with its checksum, is read too
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist") from None
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{file}: is not a complete gzip file ({error})") from None
    if len(content) != expected:
        found = f"{len(content):,}" if len(content) < expected else "more"
        raise UserError(f"{file}: has {found} bytes of data, not {expected:,}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def write(file: Path, array: NDArray[np.uint8]) -> None:
    """Write `array` to `file`. Equal arrays make equal files."""
    header = bytes((0, 0, UNSIGNED_BYTE, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    file.write_bytes(gzip.compress(header + array.tobytes(), mtime=0))
