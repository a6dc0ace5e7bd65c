"""The training step in TensorFlow, and the loops over steps and over validation images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from digits.base.errors import UserError
from digits.config.schema import Config
from digits.data.splits import Split
from digits.learning.augmentation import Augmentation
from digits.learning.optimizers import build_optimizer
from digits.learning.selection import epoch_size, select_images

STEPS_PER_CALL = 50  # between two returns to Python, each of which costs as much as a step
VALIDATION_BATCH = 500


class Trainer:
    """A model, its optimizer, and the images that it is trained on.

    The micro-batches of a step are independent of each other until their gradients are added, so that
    TensorFlow computes them side by side, a thread each: two threads that share the operations of such small
    networks mostly wait for one another. Batch normalisation sees each micro-batch alone (Hoffer et al.,
    2017).
    """

    def __init__(self, model: keras.Model, config: Config, split: Split) -> None:
        self.model = model
        self.losses = tf.Variable(tf.zeros(len(split)))  # of each image, when it was last trained on
        self._recipe, self._seed = config.recipe, config.seed
        self._batch_size = min(config.batch_size, len(split))
        sizes = [self.epoch_size(epoch) for epoch in range(1, config.epochs + 1)]
        self.optimizer = build_optimizer(config, steps=sum(sizes) // self._batch_size)
        # what is created during tracing makes TensorFlow trace again
        self.optimizer.build(model.trainable_variables)
        self._augmentation = Augmentation(split, config)
        self._loss = cross_entropy(config.recipe.label_smoothing)
        self._random_states = _random_states(model)
        self._run_steps = tf.function(
            self._steps,
            input_signature=[
                tf.TensorSpec((None, self._batch_size), tf.int64),
                tf.TensorSpec((None, self._batch_size), tf.float32),
                tf.TensorSpec((None, 2), tf.int32),
            ],
        )

    def epoch_size(self, epoch: int) -> int:
        """Return how many images epoch `epoch` is trained on."""
        return epoch_size(self._recipe.selection, epoch, self.losses.shape[0], self._batch_size)

    def run_epoch(
        self, epoch: int, on_images: Callable[[int], object] = lambda _: None
    ) -> tuple[float, float]:
        """Train for an epoch and return its accuracy and loss; `epoch` counts from 1.

        Everything random is a function of the seed, the epoch and the step, so that an epoch that is run
        again from the same weights, optimizer state and losses ends with the same bits. `on_images` is called
        now and then with the number of images since the last call.
        """
        for_order, for_steps = np.random.default_rng([self._seed, epoch]).spawn(2)
        selection, size = self._recipe.selection, self._batch_size
        rows, weights = select_images(selection, epoch, self.losses, size, for_order)
        steps = len(rows) // size
        seeds = for_steps.integers(2**31, size=(steps, 2), dtype=np.int32)
        rows, weights = rows.reshape(steps, size), weights.reshape(steps, size)
        totals = np.zeros(3)
        for first in range(0, steps, STEPS_PER_CALL):
            chunk = slice(first, first + STEPS_PER_CALL)
            totals += self._run_steps(rows[chunk], weights[chunk], seeds[chunk]).numpy()
            on_images(rows[chunk].size)
        return float(totals[0] / totals[2]), float(totals[1] / totals[2])

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that the next epoch depends on, besides the configuration and the images."""
        return {name: variable.numpy() for name, variable in self._variables()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go back to what `state` returned once. Raises UserError if that was of another network."""
        variables = dict(self._variables())
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
        if shapes != {name: array.shape for name, array in state.items()}:
            raise UserError("the state that was kept is that of another network")
        for name, variable in variables.items():
            variable.assign(state[name])

    def _variables(self) -> Iterator[tuple[str, Any]]:
        for kind, variables in (
            ("model", self.model.variables),  # weights, and the states of random generators
            ("optimizer", self.optimizer.variables),
            ("losses", [self.losses]),
        ):
            for number, variable in enumerate(variables):
                yield f"{kind}{number}", variable

    def _steps(self, rows: Any, weights: Any, seeds: Any) -> Any:
        """Return the weighted sums of right answers, losses and weights over the steps."""
        totals = tf.zeros(3, tf.float64)
        for step in tf.range(tf.shape(rows)[0]):
            totals += self._step(rows[step], weights[step], seeds[step])
        return totals

    def _step(self, rows: Any, weights: Any, seed: Any) -> Any:
        for number, state in enumerate(self._random_states):
            state.assign(tf.cast(tf.random.fold_in(seed, number), state.dtype))
        draws = (rows, *self._augmentation.draw(self._batch_size, seed))
        parts = np.array_split(np.arange(self._batch_size), min(self._recipe.micro_batches, self._batch_size))
        outputs, losses, labels, gradients = [], [], [], []
        for part in parts:
            images, truth = self._augmentation.take(*(draw[part[0] : part[-1] + 1] for draw in draws))
            with tf.GradientTape() as tape:
                output = self.model(images, training=True)
                loss = self._loss(truth, output)
                mean = tf.reduce_sum(loss) / self._batch_size
            gradients.append(tape.gradient(mean, self.model.trainable_variables))
            outputs.append(output)
            losses.append(loss)
            labels.append(truth)
        summed = [tf.add_n(of_variable) for of_variable in zip(*gradients, strict=True)]
        self.optimizer.apply(summed, self.model.trainable_variables)
        self.losses.scatter_update(tf.IndexedSlices(tf.concat(losses, 0), rows))
        return score(tf.concat(labels, 0), tf.concat(outputs, 0), weights)


def _random_states(model: keras.Model) -> list[Any]:
    """Return the states of the random generators of layers, which Keras keeps apart from weights."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def score(labels: Any, probabilities: Any, weights: Any) -> Any:
    """Return the weighted sums of right answers, cross-entropies and weights, (3,) float64."""
    right = tf.cast(_is_right(labels, probabilities), tf.float32)
    loss = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
    return tf.cast(
        tf.stack([tf.tensordot(right, weights, 1), tf.tensordot(loss, weights, 1), tf.reduce_sum(weights)]),
        tf.float64,
    )


def _is_right(labels: Any, probabilities: Any) -> Any:
    return tf.argmax(probabilities, 1) == tf.cast(labels, tf.int64)


def cross_entropy(smoothing: float) -> Callable[[Any, Any], Any]:
    """Return the loss of each image, with the share `smoothing` of certainty spread over all classes (Szegedy
    et al., 2016)."""

    def smoothed(labels: Any, probabilities: Any) -> Any:
        certain = keras.ops.one_hot(labels, probabilities.shape[-1])
        return keras.losses.categorical_crossentropy(certain, probabilities, label_smoothing=smoothing)

    return smoothed if smoothing else keras.losses.sparse_categorical_crossentropy


class Scores(NamedTuple):
    """Accuracy, its mean over the classes, and cross-entropy, each None without images."""

    accuracy: float | None
    balanced_accuracy: float | None
    loss: float | None


class Validator:
    """Scores a model on a split that is not trained on."""

    def __init__(self, model: keras.Model, split: Split) -> None:
        self._model, self._images, self._labels = model, tf.constant(split.images), tf.constant(split.labels)
        self._run = tf.function(self._batches, input_signature=[])

    def scores(self) -> Scores:
        (right, loss, images), right_of_class, of_class = (total.numpy() for total in self._run())
        return Scores(
            float(right / images),
            float(np.mean(right_of_class[of_class > 0] / of_class[of_class > 0])),
            float(loss / images),
        )

    def _batches(self) -> Any:
        """Return the sums of right answers, losses and images, and for each class those of right answers and
        of images."""
        classes = self._model.output_shape[-1]
        totals, right_of_class = tf.zeros(3, tf.float64), tf.zeros(classes, tf.int32)
        for first in tf.range(0, tf.shape(self._labels)[0], VALIDATION_BATCH):
            tf.autograph.experimental.set_loop_options(parallel_iterations=2)
            labels = self._labels[first : first + VALIDATION_BATCH]
            output = self._model(self._images[first : first + VALIDATION_BATCH], training=False)
            totals += score(labels, output, tf.ones_like(labels, tf.float32))
            right = tf.boolean_mask(labels, _is_right(labels, output))
            right_of_class += tf.math.bincount(tf.cast(right, tf.int32), minlength=classes)
        return totals, right_of_class, tf.math.bincount(tf.cast(self._labels, tf.int32), minlength=classes)
