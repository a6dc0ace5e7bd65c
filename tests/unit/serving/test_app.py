"""What the server answers, asked over a real connection."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import uvicorn
from PIL import Image

from digits.data.arrays import Pixels
from digits.serving import app, uploads
from digits.serving.current import Current
from digits.serving.server import LOOPBACK, _listen
from serving_models import band_image


@contextlib.contextmanager
def served(current: Current, root: Path) -> Iterator[str]:
    """Serve in a thread, as on this machine alone. Yields the address."""
    listening = _listen("127.0.0.1", 0)
    built = app.build(current, root, lambda _: None, lambda _: contextlib.nullcontext(), LOOPBACK)
    server = uvicorn.Server(uvicorn.Config(built, log_level="error"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def address(model: Path, tmp_path: Path) -> Iterator[str]:
    with served(Current(str(model), "sample"), tmp_path) as address:
        yield address


def picture(label: int = 3, format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(band_image(label).squeeze(-1)).save(stream, format)
    return stream.getvalue()


def test_a_picture_is_answered_with_all_probabilities_and_the_model(address: str, model: Path) -> None:
    answer = requests.post(f"{address}/predict", picture(3)).json()
    assert answer["class"] == "3"
    assert answer["confidence"] == answer["probabilities"]["3"] == max(answer["probabilities"].values())
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert answer["model"] == {"name": model.name, "version": None, "run": None}
    assert "seen" not in answer


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "WEBP"])
def test_a_form_with_a_file_has_the_same_answer_in_every_format(address: str, format: str) -> None:
    form = {"picture": ("../../name", picture(7, format))}
    answer = requests.post(f"{address}/predict", files=form).json()
    assert answer["class"] == "7"


def test_the_picture_is_shown_as_the_network_sees_it(address: str) -> None:
    answer = requests.post(f"{address}/predict?seen=true", picture(2)).json()
    head, _, data = answer["seen"].partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as seen:
        np.testing.assert_array_equal(np.asarray(seen), band_image(2).squeeze(-1))


def test_the_model_is_described(address: str, model: Path) -> None:
    assert requests.get(f"{address}/model").json() == {
        **{"name": model.name, "version": None, "run": None, "run_name": None, "run_url": None},
        **{"test_accuracy": None, "data": None, "classes": list("0123456789"), "shape": [28, 28, 1]},
    }


def test_it_answers_the_protocol_of_mlflow(address: str) -> None:
    assert requests.get(f"{address}/ping").status_code == 200
    assert requests.get(f"{address}/version").text.startswith("3.")
    images = np.stack([band_image(5), band_image(9)]).tolist()
    answer = requests.post(f"{address}/invocations", json={"inputs": images})
    assert np.argmax(answer.json()["predictions"], axis=1).tolist() == [5, 9]


@pytest.mark.parametrize("body", [{"inputs": [[1, 2]]}, {"inputs": "text"}, {"inputs": [[[[300]]]]}, {}, []])
def test_a_tensor_that_is_none_is_refused_with_a_reason(address: str, body: Any) -> None:
    answer = requests.post(f"{address}/invocations", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def bomb(width: int, height: int) -> bytes:
    """Return a PNG that declares this size and has no such data."""
    content = bytearray(picture())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "there is no picture: send its bytes as the body, or as a file of a form"),
        (b"no picture", "the picture cannot be read (not a picture)"),
        (picture()[:60], "the picture cannot be read"),
        (bomb(60_000, 60_000), "the picture is too large (60,000 x 60,000 pixels; at most 20,000,000)"),
        (bomb(3_000, 3_000), "the picture cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "the picture cannot be read (not a picture)"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(address: str, body: bytes, reason: str) -> None:
    for path in ("/predict", "/corrections?class=3"):
        answer = requests.post(address + path, body)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(reason)


def test_a_form_without_a_file_is_refused(address: str) -> None:
    answer = requests.post(f"{address}/predict", files={"picture": (None, "text")})
    assert answer.status_code == 400
    broken = requests.post(
        f"{address}/predict", b"no form", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code == 400


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused(address: str, declared: bool) -> None:
    parts = [bytes(2**20)] * (uploads.LARGEST_BODY // 2**20 + 1)
    body = b"".join(parts) if declared else iter(parts)
    with contextlib.suppress(requests.ConnectionError):  # the server need not read what it refuses
        assert requests.post(f"{address}/predict", body).status_code == 413
    assert requests.post(f"{address}/predict", picture(1)).json()["class"] == "1"


def test_a_picture_that_does_not_arrive_is_given_up(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "RECEIVE_SECONDS", 0.2)
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"the first bytes")
    answer = connection.getresponse()
    assert answer.status == 408
    assert json.loads(answer.read()) == {"error": "the picture takes too long to arrive"}


def test_more_than_can_wait_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_AT_ONCE", 0)
    answer = requests.post(f"{address}/predict", picture())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["error"] == "0 pictures wait already; try again"


def test_an_answer_that_takes_too_long_is_given_up(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = Current(str(model), "sample")
    at_once = current.predict

    def slowly(images: Pixels) -> Any:
        time.sleep(0.6)
        return at_once(images)

    monkeypatch.setattr(current, "predict", slowly)
    monkeypatch.setattr(uploads, "ANSWER_SECONDS", 0.2)
    with served(current, tmp_path) as address:
        assert requests.post(f"{address}/predict", picture()).status_code == 504
        monkeypatch.setattr(uploads, "ANSWER_SECONDS", 20)
        assert requests.post(f"{address}/predict", picture(8)).json()["class"] == "8"


def test_many_at_once_each_have_their_own_answer(address: str) -> None:
    labels = [number % 10 for number in range(200)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda label: requests.post(f"{address}/predict", picture(label)), labels))
    assert [int(answer.json()["class"]) for answer in answers] == labels


def test_a_correction_is_kept_as_it_was_sent_and_once(address: str, tmp_path: Path) -> None:
    for _ in range(2):
        answer = requests.post(f"{address}/corrections?class=7", picture(3))
        assert answer.status_code == 201
    (kept,) = (tmp_path / "data/corrections/7").iterdir()
    assert answer.json() == {"class": "7", "file": f"data/corrections/7/{kept.name}"}
    assert kept.read_bytes() == picture(3)


@pytest.mark.parametrize("name", ["..", "../../x", "10", "", "7/..", "%2e%2e"])
def test_a_class_that_does_not_exist_is_refused(address: str, tmp_path: Path, name: str) -> None:
    answer = requests.post(f"{address}/corrections", picture(), params={"class": name})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("class: ")
    assert not (tmp_path / "data").exists()


def test_a_correction_needs_a_class(address: str) -> None:
    answer = requests.post(f"{address}/corrections", picture())
    assert (answer.status_code, answer.json()) == (422, {"error": "class: field required"})


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/page/style.css", "/docs", "/openapi.json", "/model"])
def test_pages_are_there_and_may_load_nothing_from_elsewhere(address: str, path: str) -> None:
    answer = requests.get(address + path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; img-src 'self' data: blob:;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers
    for address_in_page in ("https://", "//cdn"):
        assert path == "/docs" or address_in_page not in answer.text.replace("https://json-schema.org", "")


def test_a_page_of_another_host_is_refused(address: str, tmp_path: Path) -> None:
    elsewhere = {"Origin": "http://elsewhere.example"}
    for path in ("/predict", "/corrections?class=3", "/invocations"):
        answer = requests.post(address + path, picture(), headers=elsewhere)
        assert answer.status_code == 403
        assert answer.json() == {"error": "requests of pages at http://elsewhere.example are refused"}
    assert not (tmp_path / "data").exists()
    own = requests.post(f"{address}/predict", picture(), headers={"Origin": address})
    assert own.status_code == 200


def test_another_name_of_this_machine_is_refused(address: str) -> None:
    port = address.rpartition(":")[2]
    for host in (f"elsewhere.example:{port}", "elsewhere.example", "", "[", "[::2]"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert requests.post(f"{address}/predict", picture(), headers=headers).status_code in (400, 403)
    assert requests.get(f"http://localhost:{port}/model").status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/page/nothing.js", "/page/../app.py", "/page/%2e%2e/app.py"])
def test_what_does_not_exist_is_not_found(address: str, path: str) -> None:
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    connection.request("GET", path)  # as it is: requests would resolve the points
    assert connection.getresponse().status == 404
