"""Start TensorFlow quietly, with as many threads as the configuration says."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from digits.base.errors import UserError

LONE_OPERATIONS = 3  # up to this many threads, no operation is shared by two of them


def start(threads: int) -> None:
    """Import TensorFlow and set the number of its threads: half of them can share an operation, so that two
    micro-batches of a step can be computed side by side.

    Raises UserError if TensorFlow has already started with another number, which it keeps until the process
    ends.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with stderr_held_back():
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")  # or it warns about every second network in a sweep
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, threads // 2))
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        used = tf.config.threading.get_inter_op_parallelism_threads()
        if used != threads:
            raise UserError(
                f"threads: asked for {threads}, but TensorFlow runs with {used} in this process; "
                "use a process for each number of threads"
            ) from None


def device() -> str:
    """Return the GPU or the processor that TensorFlow computes on."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        return str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name))
    return "CPU"


def numerics(threads: int) -> str:
    """Return what has to be equal for another run to end with the same bits."""
    where = device()
    if where != "CPU":
        return f"{where}; the last bits can differ from run to run"
    return f"CPU, {f'1 to {LONE_OPERATIONS}' if threads <= LONE_OPERATIONS else threads} threads"


@contextlib.contextmanager
def stderr_held_back() -> Iterator[None]:
    """Hold back what is written to standard error, and show it only if the block fails. Importing TensorFlow
    writes half a screen there that none of its settings silences."""
    try:
        sys.stderr.flush()
        real = os.dup(2)
    except (AttributeError, OSError, ValueError):  # standard error is closed
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(real, held.read())
            raise
        finally:
            os.dup2(real, 2)
            os.close(real)
