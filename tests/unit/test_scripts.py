"""The help of every command, and what importing the library starts."""

import re
import shlex
import subprocess
import sys

import pytest

from digits.base.paths import CONF, PARAMS, ROOT
from digits.config.compose import compose_values
from digits.config.params import KEYS
from support import run_script

SCRIPTS = sorted(file.name for file in (ROOT / "src").glob("*.py"))
OF_DATA = ("export_images.py", "fetch.py", "fingerprint.py", "preprocess.py")
# without a configuration
PARSED = (
    *("compare.py", "export.py", "predict.py", "promote.py", "schemas.py", "serve.py", "sync.py"),
    *("template.py", "ui.py"),
)
CONFIGURED = [name for name in SCRIPTS if name not in PARSED]
HEAVY = ("tensorflow", "keras", "mlflow", "matplotlib", "sklearn", "optuna", "pooch", "mlxtend")
LIGHT = ("base.*", "cli", "config.*", "data.*", "learning.history", "learning.runtime", "models.*", "recipe")


def show_help(script: str, capsys: pytest.CaptureFixture[str], option: str = "--help") -> str:
    assert not run_script(script, option)
    return capsys.readouterr().out


def examples(text: str, script: str) -> list[str]:
    """Return the command lines in the help, without the words beside them."""
    lines = [re.split(r"\s{2,}", line.strip())[0] for line in text.splitlines()]
    return [line for line in lines if re.match(rf"(\w+=\S+ )?(python src/{script}|dvc )", line)]


def test_scripts_with_and_without_a_configuration_exist() -> None:
    assert {*OF_DATA, *PARSED} < set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_the_purpose_and_shows_three_examples(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = show_help(script, capsys)
    docstring = (ROOT / "src" / script).read_text().split('"""')[1]
    assert docstring.splitlines()[0] in text
    assert len(set(examples(text, script))) >= 3


@pytest.mark.parametrize("script", CONFIGURED)
def test_help_has_each_key_with_its_meaning(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ("data", "split_seed", "validation") if script in OF_DATA else KEYS
    text = show_help(script, capsys)
    for line in PARAMS.read_text().splitlines():
        if line.partition(":")[0] in keys:
            assert re.search(r"\S+: \S+ +# \w+", line)
            assert line in text


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


@pytest.mark.parametrize("group", ["data", "model", "recipe", "optimizer", "schedule"])
def test_help_lists_the_presets(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = (each for each in show_help("train.py", capsys).splitlines() if f"conf/{group}/" in each)
    for preset in (CONF / group).glob("*.yaml"):
        assert re.search(rf"conf/{group}/.*\b{preset.stem}\b", line)


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
    assert error.startswith("error: nope: unknown key in an override; the keys are data, model, ")
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
