"""The model that a server answers with. It follows the champion."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import PyFuncModel
from mlflow.types import Schema, TensorSpec
from numpy.typing import NDArray

from digits.base.errors import message_of, without_credentials
from digits.data.arrays import Pixels
from digits.learning.predictor import Predictor
from digits.serving.choice import CHAMPION, Chosen, choose, of_run
from digits.tracking import registry


class Current:
    """The model that `wanted` names (see `choose`), ready to answer. May be called from several threads."""

    def __init__(self, wanted: str, data: str) -> None:
        """Raises UserError if there is no such model."""
        self._name = registry.registered_name(data) if wanted == CHAMPION else None
        chosen = choose(wanted, data)
        self._state = chosen, Predictor(chosen.trained.model)  # replaced as a whole
        self._refused: set[int] = set()
        self._away = False

    @property
    def chosen(self) -> Chosen:
        """The model and where it is from."""
        return self._state[0]

    def predict(self, images: Pixels) -> tuple[NDArray[np.float32], Chosen]:
        """Return the probabilities of the classes, (n, classes), of images, (n, height, width, channels), and
        the model that they are from."""
        chosen, predictor = self._state
        return predictor(images), chosen

    def follow(self) -> None:
        """Answer with the champion from now on, if there is a new one. One that cannot be loaded, or takes
        other images, is refused with a line on standard error, and the model before it goes on."""
        if self._name is None:
            return
        try:
            version = registry.champion(self._name)
        except Exception as error:  # whatever MLflow raises if its store is away
            if not self._away:
                _say(f"the model registry does not answer ({message_of(error)}); {self.chosen} goes on")
            self._away = True
            return
        self._away = False
        if version is None or (number := version.number) in (self.chosen.version, *self._refused):
            return
        try:
            chosen = of_run(version.run_id, version.name, number)
            shapes = [each.trained.model.input_shape for each in (chosen, self.chosen)]
            if shapes[0] != shapes[1]:
                raise ValueError(f"it takes images of {shapes[0]}, not {shapes[1]}; start the server again")
            self._state = chosen, Predictor(chosen.trained.model)
            _say(f"answers with {chosen} now")
        except Exception as error:  # a broken version must not end the server, whatever is wrong with it
            self._refused.add(number)
            _say(f"{version} is refused ({message_of(error)}); {self.chosen} goes on")

    def as_pyfunc(self) -> PyFuncModel:
        """Return the model for MLflow's own server: it takes a tensor of images and returns probabilities."""
        model = self.chosen.trained.model
        takes = TensorSpec(np.dtype(np.uint8), (-1, *model.input_shape[1:]))
        returns = TensorSpec(np.dtype(np.float32), (-1, model.output_shape[1]))
        described = Model(signature=ModelSignature(Schema([takes]), Schema([returns])))
        described.add_flavor("python_function", loader_module=__name__)
        return PyFuncModel(described, _Answers(self))


class _Answers:
    """What MLflow calls with the tensor."""

    def __init__(self, current: Current) -> None:
        self._current = current

    def predict(self, images: Any, params: Any = None) -> NDArray[np.float32]:
        del params  # which MLflow passes on
        return self._current.predict(np.asarray(images))[0]


def _say(text: str) -> None:
    print(without_credentials(text), file=sys.stderr, flush=True)
