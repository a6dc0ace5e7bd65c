"""compose.yaml, as a parser sees it. No container is started."""

import re
from typing import Any

import yaml

from digits.base.paths import ROOT

FILE = ROOT / "compose.yaml"


def compose_file() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text()))


def test_each_image_is_pinned_to_a_version() -> None:
    services = compose_file()["services"]
    assert set(services) == {"mlflow", "postgres", "proxy", "s3"}
    built = re.findall(r"^FROM (\S+)", services["mlflow"]["build"]["dockerfile_inline"], re.MULTILINE)
    images = [service["image"] for service in services.values() if "image" in service] + built
    assert len(images) == len(services)
    assert all(re.fullmatch(r"[\w/-]+:\d+\.\d+[\w.-]*", image) for image in images), images


def test_what_the_image_of_the_server_is_built_from_is_there() -> None:
    build = compose_file()["services"]["mlflow"]["build"]["dockerfile_inline"]
    (copied,) = re.findall(r"^COPY (.*) \./$", build, re.MULTILINE)
    assert all((ROOT / name).is_file() for name in copied.split())


def test_passwords_come_from_the_environment_and_are_asked_for() -> None:
    text = FILE.read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert set(re.findall(r"\$\{(\w+)", text)) == asked
    assert {
        "POSTGRES_PASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "MLFLOW_ADMIN_PASSWORD",
        "MLFLOW_SECRET_KEY",
    } < asked
    given = re.findall(r"(?:PASSWORD|SECRET\w*|KEY\w*): (\S+)", text)
    assert given
    assert all(value.startswith("${") for value in given)


def test_each_volume_and_configuration_that_a_service_uses_is_defined() -> None:
    compose = compose_file()
    services = compose["services"].values()
    used = {volume.partition(":")[0] for service in services for volume in service.get("volumes", [])}
    assert used == set(compose["volumes"])
    assert {each["source"] for service in services for each in service.get("configs", [])} == set(
        compose["configs"]
    )
    assert {name for service in services for name in service.get("depends_on", [])} <= set(
        compose["services"]
    )
