"""The help of every command, and what importing the library starts."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from digits.base.paths import CONF, ROOT
from digits.base.section import Section
from digits.config.compose import compose_values
from digits.config.data import DataConfig
from digits.config.options import Options
from digits.config.params import EXPERIMENT
from support import SMALL, run_script

SCRIPTS = sorted(file.name for file in (ROOT / "src").glob("*.py"))
OF_DATA = ("export_images.py", "fetch.py", "fingerprint.py", "preprocess.py")
# without a configuration
PARSED = (
    *("compare.py", "export.py", "plots.py", "predict.py", "promote.py", "schemas.py", "serve.py", "sync.py"),
    *("template.py", "ui.py"),
)
CONFIGURED = [name for name in SCRIPTS if name not in PARSED]
OF_EXPERIMENT = ("experiment.py", "run.py", "summary.py", "train.py", "tune.py")
PLACEHOLDERS = ("PRESET", "FILE", "SHEET.png")
ALWAYS_GIVEN = ("PICTURE ...", "DEST")
HEAVY = ("tensorflow", "keras", "mlflow", "matplotlib", "sklearn", "optuna", "pooch", "mlxtend")
LIGHT = (
    "base.*",
    "cli",
    "config.*",
    "data.*",
    "learning.history",
    "learning.runtime",
    "models.*",
    "recipe",
    "reports.compare",
)


def show_help(script: str, capsys: pytest.CaptureFixture[str], option: str = "--help") -> str:
    assert not run_script(script, option)
    return capsys.readouterr().out


def examples(text: str, script: str) -> list[str]:
    """Return the command lines in the help, without the words beside them."""
    lines = [re.split(r"\s{2,}", line.strip())[0] for line in text.splitlines()]
    return [line for line in lines if re.match(rf"(\w+=\S+ )?(python src/{script}|dvc )", line)]


def rows(text: str) -> list[tuple[str, str]]:
    """Return what the help says can be written, each with its meaning."""
    found: list[tuple[str, str]] = []
    _, *sections = re.split(r"\n\n(?=\S.*:\n)", text.rstrip("\n"))
    for line in (line for section in sections for line in section.splitlines()[1:]):
        if re.match(r"  \S", line):
            written, _, meaning = line.strip().partition("  ")
            found.append((written, meaning.strip()))
        else:
            written, meaning = found.pop()
            found.append((written, f"{meaning} {line.strip()}".strip()))
    return found


def keys_shown(script: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    return {written.partition("=")[0] for written, _ in rows(show_help(script, capsys))}


def spy_on(section: type[Section], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set to which each key of the section is added that is read from now on."""
    read: set[str] = set()

    def get(self: Section, name: str) -> object:
        read.update({name} & set(section.model_fields))
        return object.__getattribute__(self, name)

    monkeypatch.setattr(section, "__getattribute__", get)
    return read


def test_scripts_with_and_without_a_configuration_exist() -> None:
    assert {*OF_DATA, *PARSED} < set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_the_purpose_and_shows_three_examples(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = show_help(script, capsys)
    docstring = (ROOT / "src" / script).read_text().split('"""')[1]
    purpose = docstring.rstrip().rpartition("\n\n")[0]
    assert " ".join(text.split()).startswith(" ".join(purpose.split()))
    assert len(set(examples(text, script))) >= 3


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_has_each_key_with_its_default_and_its_meaning(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for written, meaning in rows(show_help(script, capsys)):
        default = re.fullmatch(r"[\w.]+=(.+)", written)
        assert default or "default: " in meaning or written in ALWAYS_GIVEN
        assert default is None or default[1] not in PLACEHOLDERS or "default: " in meaning
        assert re.match(r"\w", meaning)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_fits_a_terminal(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert max(len(line) for line in show_help(script, capsys).splitlines()) <= 100


@pytest.mark.parametrize("script", OF_EXPERIMENT)
def test_help_has_all_keys_of_the_experiment(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = keys_shown(script, capsys)
    assert {*EXPERIMENT, "model.KEY"} <= shown


@pytest.mark.parametrize("script", CONFIGURED)
def test_help_has_no_key_that_only_other_commands_read(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = keys_shown(script, capsys)
    assert "parent_run" not in shown
    assert ("model_file" in shown) == (script == "evaluate.py")
    assert ("sweep" in shown) == (script == "experiment.py")
    assert ("study" in shown) == (script == "tune.py")
    assert ("resume" in shown) == (script in ("experiment.py", "train.py", "tune.py"))
    assert ("epochs" in shown) == (script in OF_EXPERIMENT)


@pytest.mark.parametrize("script", CONFIGURED)
def test_an_option_that_the_command_does_not_read_is_refused(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    others = set(Options.model_fields) - keys_shown(script, capsys) - {"parent_run"}
    assert others
    for key in others:
        assert str(run_script(script, f"{key}=1")).startswith(f"error: {key}: is an option of other commands")


@pytest.mark.parametrize("script", ["fetch.py", "fingerprint.py", "preprocess.py"])
def test_help_has_the_keys_of_the_data_that_are_read(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("digits.base.paths.RAW", tmp_path / "data/raw")
    assert run_script("fetch.py", "data=sample", f"out={tmp_path}") is None
    read = spy_on(DataConfig, monkeypatch)
    assert run_script(script, "data=sample", f"out={tmp_path}") is None
    capsys.readouterr()
    assert read == keys_shown(script, capsys) & set(DataConfig.model_fields)


@pytest.mark.usefixtures("prepare", "recording")
@pytest.mark.parametrize("script", ["evaluate.py", "experiment.py", "train.py"])
def test_help_has_the_options_that_are_read(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SMALL, "epochs=1", f"out={tmp_path}"]
    if script == "evaluate.py":
        assert run_script("train.py", *words) is None
        words.append(f"model_file={tmp_path}/models/model.keras")
    read = spy_on(Options, monkeypatch)
    assert run_script(script, *words) is None
    if script == "experiment.py":
        read.remove("model_file")  # which it sets itself
    capsys.readouterr()
    assert read - {"parent_run"} == keys_shown(script, capsys) & set(Options.model_fields) - {"out"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_free_of_what_nobody_asked_for(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = show_help(script, capsys)
    for unwanted in ("${", "sha256", "Powered by Hydra", "Configuration groups", "_target_"):
        assert unwanted not in text
    assert not re.search(r"^\s*hydra", text, re.MULTILINE)
    assert len(text.splitlines()) < 40


@pytest.mark.parametrize("script", CONFIGURED)
def test_the_short_option_shows_the_same_help(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_help(script, capsys, "-h") == show_help(script, capsys)


@pytest.mark.parametrize("script", CONFIGURED)
def test_the_examples_in_the_help_are_accepted(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    for example in examples(show_help(script, capsys), script):
        _, _, words = example.partition(f"src/{script}")
        overrides = shlex.split(words)
        if "-m" not in overrides:
            compose_values(overrides, "tune" if script == "tune.py" else "config")


@pytest.mark.parametrize("group", ["data", "model", "recipe", "optimizer", "schedule", "search", "sweep"])
def test_help_lists_the_presets(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = {"search": "tune.py", "sweep": "experiment.py"}.get(group, "train.py")
    (meaning,) = (meaning for _, meaning in rows(show_help(script, capsys)) if f"conf/{group}/" in meaning)
    for preset in (CONF / group).glob("*.yaml"):
        assert re.search(rf"conf/{group}/.*\b{preset.stem}\b", meaning)


@pytest.mark.parametrize("script", ["summary.py", "tune.py"])
def test_help_does_not_offer_a_sweep_if_there_is_none(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "-m " not in show_help(script, capsys)


def test_a_search_refuses_to_be_swept() -> None:
    for option in ("-m", "--multirun"):
        assert str(run_script("tune.py", option, "seed=1,2")).startswith("error: -m: a search makes its own ")


@pytest.mark.parametrize("script", PARSED)
def test_a_wrong_option_is_one_line_that_points_to_the_help(script: str) -> None:
    needed = ["word"] if script in ("predict.py", "template.py") else []
    assert run_script(script, *needed, "--nope") == "error: unrecognized arguments: --nope; see --help"


@pytest.mark.parametrize("script", ["train.py", "summary.py"])
def test_a_wrong_key_is_one_line(script: str) -> None:
    error = str(run_script(script, "nope=3"))
    assert error.startswith("error: nope: unknown key; the keys are data, model, ")
    assert "\n" not in error


def test_importing_the_light_packages_starts_none_of_the_heavy_libraries() -> None:
    library = ROOT / "src/digits"
    files = [file for name in LIGHT for file in library.glob(f"{name.replace('.', '/')}.py")]
    modules = [".".join(("digits", *file.relative_to(library).with_suffix("").parts)) for file in files]
    assert len(modules) > 20
    code = f"import sys, {', '.join(modules)}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
