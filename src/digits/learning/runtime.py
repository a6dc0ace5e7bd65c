"""Starting TensorFlow: quietly, and with as many threads as the configuration says."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from digits.errors import UserError


def start(threads: int) -> None:
    """Import TensorFlow and bind it to so many threads, half of them for each half of a batch (see training).

    The last bits of its results depend on how many share an operation; up to three in all, none is shared.

    UserError where it has started with another number, which it keeps until the process ends.
    """
    with _muted():
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")  # or it warns of every second network in a sweep
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, threads // 2))
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # it has started already
        used = tf.config.threading.get_inter_op_parallelism_threads()
        if used != threads:
            raise UserError(
                f"threads: asked for {threads}, but TensorFlow runs with {used} in this process; "
                "use a process for each number of threads"
            ) from None


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Hold back what is written to standard error, and show it after all if the block fails:
    importing TensorFlow writes half a screen that no setting of its own silences."""
    sys.stderr.flush()
    real = os.dup(2)
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
