"""The key study_store. No server is needed: nothing is connected to."""

import sys
from pathlib import Path
from typing import Any

import pytest

from digits.base import paths
from digits.base.errors import UserError
from digits.search.locks import key_of
from digits.search.postgres import StudyStoreError
from digits.search.search import Search, read_search
from digits.search.study_store import FileStore, read_store, refuse_shown_password
from support import make_search_request, run_script

SECRET = "mistake-to-print"
WITH_SECRET = f"postgresql://digits:{SECRET}@db.example.org/digits"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


def read(*overrides: str) -> Search:
    return read_search(make_search_request(*overrides))


@pytest.mark.usefixtures("any_data")
def test_a_study_is_in_a_file_of_the_project_unless_the_variable_names_a_database(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read().store == read("study_store=null").store == FileStore(root / "optuna.db")
    monkeypatch.setenv("DIGITS_STUDY_STORE", WITH_SECRET)
    assert str(read().store) == "postgresql://db.example.org/digits"
    assert read("study_store=null").store == FileStore(root / "optuna.db")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://db.example.org/digits", "postgresql://db.example.org/digits"),
        ("postgresql+psycopg://digits@db:5433/a", "postgresql://db:5433/a"),
        ("postgresql:///a", "postgresql:///a"),  # a socket of this machine, or what PGHOST names
        ("sqlite:////elsewhere/a.db", "/elsewhere/a.db"),
        ("sqlite:///a.db", "{root}/a.db"),
    ],
)
def test_a_store_can_be_named(value: str, shown: str, root: Path) -> None:
    assert str(read_store(value, "")) == shown.format(root=root)


@pytest.mark.usefixtures("any_data")
def test_the_store_changes_neither_the_study_nor_the_parameters() -> None:
    here, there = read(), read("study_store=postgresql://db/a")
    assert (here.study, here.digest) == (there.study, there.digest)
    assert here.request.config == there.request.config
    assert here.request.composed.label == there.request.composed.label


@pytest.mark.parametrize(
    "value",
    [
        WITH_SECRET,
        f"postgresql://digits:{SECRET}@@db/a",
        f"postgresql://digits:{SECRET}/@db/a",
        f"postgresql://digits@db/a?password={SECRET}",
        f"postgresql+psycopg://:{SECRET}@/a",
        f"mysql://digits:{SECRET}@db/a",
    ],
)
def test_a_password_on_the_command_line_is_refused_and_not_shown(
    value: str, capsys: pytest.CaptureFixture[str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    error = run_script("tune.py", f"study_store={value}", "--cfg", "job")
    assert error == (
        "error: study_store: a password here would be shown (command line); put it into the address in "
        "DIGITS_STUDY_STORE, PGPASSWORD or ~/.pgpass"
    )
    assert SECRET not in "".join(capsys.readouterr())
    assert list(root.iterdir()) == []


def test_a_password_in_the_file_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "tune.yaml").write_text(f"study_store: {WITH_SECRET}\n")
    monkeypatch.setattr(paths, "CONF", root)
    with pytest.raises(UserError, match=r"would be shown \(conf/tune.yaml\)") as error:
        refuse_shown_password(["epochs=3"])
    assert SECRET not in str(error.value)


def test_an_address_without_a_password_is_accepted_on_the_command_line() -> None:
    refuse_shown_password(
        ["study_store=postgresql://digits@db:5432/a", "out=a:b@c", "study_store=sqlite:///a:b@c"]
    )


def test_a_password_in_the_variable_is_not_shown_with_the_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIGITS_STUDY_STORE", WITH_SECRET)
    for options in (["--cfg", "job", "--resolve"], ["--cfg", "all"], ["--info", "all"]):
        assert not run_script("tune.py", *options)
    printed = "".join(capsys.readouterr())
    assert "study_store: auto" in printed
    assert SECRET not in printed


def test_nothing_that_describes_a_store_has_its_password() -> None:
    store = read_store_of_variable(WITH_SECRET)
    assert SECRET not in f"{store} {store!r} {store.url}"
    assert store.engine_options["connect_args"]["password"] == SECRET
    assert store.engine_options["connect_args"]["host"] == "db.example.org"


def read_store_of_variable(value: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITS_STUDY_STORE", value)
        return read_store("auto", "")


def test_what_the_address_says_of_the_connection_comes_before_the_defaults() -> None:
    store = read_store("postgresql://db/a?connect_timeout=3&sslmode=require", "")
    arguments = store.engine_options["connect_args"]
    assert (arguments["connect_timeout"], arguments["sslmode"]) == ("3", "require")
    assert arguments["keepalives_idle"] == 10


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (
            f"mysql://digits:{SECRET}@db/a",
            "must be auto, null or an address that begins with postgresql:// or ",
        ),
        (f"postgres://digits:{SECRET}@db/a", "not postgres:// (DIGITS_STUDY_STORE)"),
        (f"postgresql+psycopg2://digits:{SECRET}@db/a", "not postgresql+psycopg2:// (DIGITS_STUDY_STORE)"),
        (
            f"postgresql://digits:{SECRET}@db:port/a",
            "cannot be read as an address, postgresql://host:port/dat",
        ),
        ("sqlite://", "not sqlite:// (DIGITS_STUDY_STORE)"),
        ("sqlite:///:memory:", "not sqlite:// (DIGITS_STUDY_STORE)"),
        (SECRET, "sqlite:/// (DIGITS_STUDY_STORE)"),
    ],
)
def test_another_value_of_the_variable_is_refused_in_one_line(value: str, complaint: str) -> None:
    with pytest.raises(UserError) as error:
        read_store_of_variable(value)
    message = str(error.value)
    assert message.startswith("study_store: ")
    assert complaint in message
    assert "\n" not in message
    assert SECRET not in message


@pytest.mark.usefixtures("any_data")
def test_another_value_on_the_command_line_is_refused() -> None:
    with pytest.raises(UserError, match=r"^study_store: must be auto, null or .* \(command line\)$"):
        read("study_store=3")


def test_without_psycopg_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    lock = read_store_of_variable(WITH_SECRET).lock("a")
    with pytest.raises(
        StudyStoreError, match=r"the package psycopg is missing \(.*\); `make team-setup` inst"
    ):
        lock.acquire()


def test_the_key_of_a_lock_is_the_same_everywhere_and_has_64_bits() -> None:
    assert key_of("study digest") == 1564220134717011575
    keys = [key_of(f"study {number}") for number in range(100)]
    assert len(set(keys)) == 100
    assert -(2**63) <= min(keys) < -(2**62) < 2**62 < max(keys) < 2**63
