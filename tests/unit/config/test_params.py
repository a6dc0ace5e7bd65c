"""params.yaml: what it has, and what is refused quickly and in one line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from digits.base.errors import UserError
from digits.base.paths import PARAMS
from digits.config.params import KEYS, read_params
from digits.config.schema import Config, compose

TEXT = """\
data: sample
model: compact
recipe: onecycle
optimizer: auto
schedule: auto
epochs: auto
batch_size: auto
learning_rate: auto
seed: 0
split_seed: 0
validation: 0.1
threads: auto
overrides: []
"""
ALL_KEYS = ", ".join(KEYS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def refusal(file: Path) -> str:
    with pytest.raises(UserError) as error:
        read_params(file)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_keys_are_those_of_the_projects_params_yaml() -> None:
    assert tuple(yaml.safe_load(PARAMS.read_text())) == KEYS


def test_the_keys_are_those_of_an_experiment_and_two_more() -> None:
    assert set(KEYS) == {*Config.model_fields, "threads", "overrides"}


def test_the_projects_params_yaml_describes_an_experiment(set_params: Callable[..., None]) -> None:
    params = read_params()
    set_params(**params)
    assert compose().model.name == params["model"]


def test_values_are_read(file: Path) -> None:
    file.write_text(TEXT.replace("seed: 0", "seed: 3", 1).replace("[]", '["model.dropout=0.5"]'))
    params = read_params(file)
    assert (params["model"], params["seed"], params["validation"]) == ("compact", 3, 0.1)
    assert params["overrides"] == ["model.dropout=0.5"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 0\n", "seeds: 0\n", f"params.yaml: unknown key seeds; it has exactly {ALL_KEYS}"),
        ("seed: 0\n", "", f"params.yaml: missing key seed; it has exactly {ALL_KEYS}"),
        ("seed: 0\n", "seed: 0\n3: 4\n", f"params.yaml: unknown key 3; it has exactly {ALL_KEYS}"),
        ("seed: 0\n", "seed: 0\ntrue: 4\n", f"params.yaml: unknown key True; it has exactly {ALL_KEYS}"),
        ("seed: 0\n", "seed: 0\nseed: 1\n", "params.yaml: cannot be read: while constructing a mapping"),
        ("model: compact", "model: 3", "model: must name a preset of conf/model/, not 3 (params.yaml"),
        ("model: compact", "model:", "model: must name a preset of conf/model/, not None (params.yaml"),
        ("data: sample", "data: [a]", "data: must name a preset of conf/data/, not ['a'] (params.yaml"),
        ("optimizer: auto", "optimizer: 1", "optimizer: must name a preset of conf/optimizer/, not 1 (par"),
        (TEXT, "", "params.yaml: missing key "),
        (TEXT, "- 1\n", "params.yaml: missing key "),
    ],
)
def test_wrong_content_is_refused_in_one_line(file: Path, old: str, new: str, message: str) -> None:
    file.write_text(TEXT.replace(old, new, 1))
    assert refusal(file).removeprefix(f"{file.parent}/").startswith(message)


HOSTILE = {
    "broken syntax": (b"seed: {\n", "cannot be read: while parsing a flow"),
    "not UTF-8": (TEXT.encode() + b"# \xe9\n", "must be in UTF-8"),
    "UTF-16": (TEXT.encode("utf-16"), "must be in UTF-8"),
    "control characters": (TEXT.encode() + b"a\x00\n", "cannot be read: unacceptable character"),
    "huge": (TEXT.encode() + 100_000 * b"#", "at most 100,000 are allowed"),
    "nested 50,000 deep": (50_000 * b"[", "is nested more than 20 levels deep"),
    "nested 50,000 deep in a key": (
        TEXT.encode() + b"a: " + 50_000 * b"[",
        "is nested more than 20 levels deep",
    ),
    "billion laughs": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%b]\n" % (n, n, b",".join(9 * [b"*%c" % (n - 1)])) for n in range(98, 107)),
        "aliases such as *a are not allowed",
    ),
    "an empty key": (TEXT.encode() + b"null: 1\n", "cannot be read"),
    "a list as key": (TEXT.encode() + b"[1, 2]: 1\n", "cannot be read"),
    "a Python object": (TEXT.encode() + b"a: !!python/name:os.system\n", "cannot be read"),
    "a wrong date": (TEXT.encode() + b"a: !!timestamp x\n", "cannot be read"),
    "a set": (TEXT.encode() + b"a: !!set {x}\n", "cannot be read"),
    "a number of 5,000 digits": (TEXT.encode() + b"a: " + 5_000 * b"9", "cannot be read"),
    "two documents": (TEXT.encode() + b"---\n" + TEXT.encode(), "cannot be read"),
}


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_is_not_harmless_yaml_is_refused(file: Path, kind: str) -> None:
    content, reason = HOSTILE[kind]
    file.write_bytes(content)
    message = refusal(file)
    assert "params.yaml: " in message
    assert reason in message


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "cannot be read: No such file or directory"),
        ("folder", "must be a regular file"),
        ("FIFO", "must be a regular file"),
        ("link to itself", "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_what_is_no_regular_file_is_refused(file: Path, kind: str, reason: str) -> None:
    if kind == "folder":
        file.mkdir()
    elif kind == "FIFO":
        os.mkfifo(file)
    elif kind == "link to itself":
        file.symlink_to(file)
    assert refusal(file) == f"{file}: {reason}"
