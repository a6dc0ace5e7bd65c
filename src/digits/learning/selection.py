"""Which training images an epoch has: all of them, or those that the network still gets wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from digits.config import Hardest

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Order:
    """The images of an epoch, whole batches of `batch_size`: `draw` takes a random seed, (2,) int64, and
    returns their rows, (size,) int64, in the order of training, and for how many images each stands,
    (size,) float32."""

    size: int
    batch_size: int
    draw: Callable[[Any], tuple[Any, Any]]


def everything(n: int, batch_size: int) -> Order:
    """The n images, each once, but for those that make no whole batch."""
    import tensorflow as tf

    size = n - n % batch_size

    def draw(random: Any) -> tuple[Any, Any]:
        rows = tf.random.experimental.stateless_shuffle(tf.range(n, dtype=tf.int64), random)
        return rows[:size], tf.ones(size)

    return Order(size, batch_size, draw)


def hardest(losses: tf.Variable, batch_size: int, selection: Hardest) -> Order:
    """So many whole batches as are nearest to the share that `selection` asks for.

    Most have the highest of `losses`, (n,) float32, which holds for each image the loss at the time when
    it was last trained on (Jiang et al., 2019); the others are drawn from the rest, for which
    they stand in all averages, so that these are estimates for all n images.
    """
    import tensorflow as tf

    n = losses.shape[0]
    size = batch_size * min(n // batch_size, max(1, round(selection.share * n / batch_size)))
    drawn = round(selection.random * size)

    def draw(random: Any) -> tuple[Any, Any]:
        shuffle = tf.random.experimental.stateless_shuffle
        of_rest, of_places = tf.unstack(tf.random.split(random))
        ranked = tf.cast(tf.argsort(losses, direction="DESCENDING", stable=True), tf.int64)
        hard, rest = ranked[: size - drawn], ranked[size - drawn :]
        rows = tf.concat([hard, shuffle(rest, of_rest)[:drawn]], 0)
        weights = tf.concat([tf.ones(size - drawn), tf.fill([drawn], (n - size + drawn) / max(1, drawn))], 0)
        places = shuffle(tf.range(size), of_places)
        return tf.gather(rows, places), tf.gather(weights, places)

    return Order(size, batch_size, draw)
