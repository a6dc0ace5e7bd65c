"""The server's model follows the champion."""

from typing import Any

import keras
import numpy as np
import pytest

from digits.base import files
from digits.base.errors import UserError
from digits.serving import promotion
from digits.serving.choice import choose
from digits.serving.current import Current
from digits.tracking import registry, store
from serving_models import band_image, band_model

Record = Any
Capture = pytest.CaptureFixture[str]


def promote(run_id: str) -> None:
    promotion.promote(run_id, "sample", force=True)


def answer(current: Current, label: int = 3) -> tuple[int, int | None]:
    """Return the answer for an image of this class, and the version that it is from."""
    probabilities, chosen = current.predict(np.stack([band_image(label)]))
    return int(probabilities.argmax()), chosen.version


def test_the_champion_is_served_with_what_is_known_of_it(record: Record) -> None:
    run_id = record(90)
    promote(run_id)
    current = Current("champion", "sample")
    assert answer(current) == (3, 1)
    assert (current.chosen.run_id, current.chosen.version) == (run_id, 1)
    assert current.chosen.name == registry.registered_name("sample")


def test_without_a_champion_it_is_said_what_to_do(recording: str) -> None:
    with pytest.raises(
        UserError,
        match=f"model: {recording}-sample has no champion; `python src/promote.py data=sample` makes",
    ):
        Current("champion", "sample")


def test_a_run_is_served_by_its_id_or_its_name(record: Record) -> None:
    run_id = record(90)
    for wanted in (run_id, choose(run_id, "sample").run_name):
        assert choose(str(wanted), "sample").run_id == run_id


def test_a_new_champion_answers_without_a_restart(record: Record, capsys: Capture) -> None:
    promote(record(90))
    current = Current("champion", "sample")
    current.follow()
    assert answer(current) == (3, 1)
    promote(record(80, model=band_model(shift=1)))
    current.follow()
    assert answer(current) == (4, 2)
    assert capsys.readouterr().err == f"answers with {current.chosen} now\n"


def test_a_run_that_was_named_stays(record: Record) -> None:
    first = record(90)
    promote(first)
    current = Current(first, "sample")
    promote(record(80, model=band_model(shift=1)))
    current.follow()
    assert answer(current)[0] == 3


def other_size() -> keras.Model:
    return keras.Sequential(
        [keras.Input((8, 8, 1), dtype="uint8"), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )


def test_a_champion_for_other_images_is_refused_once_and_the_old_one_goes_on(
    record: Record, capsys: Capture
) -> None:
    promote(record(90))
    current = Current("champion", "sample")
    promote(record(80, model=other_size()))
    for _ in range(3):
        current.follow()
    assert answer(current) == (3, 1)
    (line,) = capsys.readouterr().err.splitlines()
    assert "version 2 is refused (it takes images of (None, 8, 8, 1), not (None, 28, 28, 1)" in line
    promote(record(70, model=band_model(shift=2)))
    current.follow()
    assert answer(current) == (5, 3)


def test_a_champion_whose_file_is_damaged_is_refused(
    record: Record, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(record(90))
    current = Current("champion", "sample")
    promote(record(80))
    with monkeypatch.context() as patch:
        patch.setattr(files, "md5", lambda _: "another")
        current.follow()
    assert answer(current) == (3, 1)
    assert "version 2 is refused (model: " in capsys.readouterr().err


def test_a_store_that_is_away_changes_nothing_and_is_mentioned_once(
    record: Record, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(record(90))
    current = Current("champion", "sample")

    def refuse(_: str) -> None:
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "champion", refuse)
        for _ in range(2):
            current.follow()
    assert answer(current) == (3, 1)
    assert capsys.readouterr().err.splitlines() == [
        f"the model registry does not answer (away); {current.chosen} goes on"
    ]
    assert store.use()
