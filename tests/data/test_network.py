"""What comes over the network: one try, a time limit, one line where it can't be had."""

import functools
import hashlib
import http.server
import inspect
import socket
import threading
import time
from pathlib import Path

import pytest
from helpers import one_line

from data import DataError, dataset, find_dataset, network, open_dataset, shakespeare, vocab_size_of

SHAKESPEARE = Path(__file__).parents[3] / "shared" / "data" / "tinyshakespeare.txt"


@pytest.fixture
def black_hole():
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def web(tmp_path, serve):
    """A folder served over HTTP as (folder, url)."""
    folder = tmp_path / "web"
    folder.mkdir()
    return folder, serve(functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder))


# --- whether anybody answers


def test_black_hole_proxy_ends_within_ten_seconds(monkeypatch, black_hole):
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{black_hole}")
    start = time.monotonic()
    with pytest.raises(DataError) as error:
        open_dataset("shakespeare")
    assert time.monotonic() - start < 10
    message = one_line(error)
    assert "can't be reached" in message and "input.txt" in message and "pystdlib" in message


def test_hanging_name_lookup_ends(monkeypatch):
    monkeypatch.delenv("https_proxy")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(5))
    start = time.monotonic()
    assert "no answer" in network.why_unreachable("https://huggingface.co", seconds=0.3)
    assert time.monotonic() - start < 2


def test_reachable_server(web):
    folder, url = web
    assert network.why_unreachable(url) is None
    assert network.why_unreachable(url + "/nothing") is None  # 404 is an answer
    assert network.why_unreachable("http://127.0.0.1:9")


@pytest.mark.parametrize("name", ["shakespeare", "fineweb"])
def test_dataset_that_cannot_be_had_names_what_to_do(name):
    with pytest.raises(DataError) as error:
        open_dataset(name, "byte")
    assert "pystdlib" in one_line(error)


def test_auto_falls_back_to_pystdlib_and_says_so():
    lines = []
    dataset = open_dataset("auto", say=lines.append)
    assert dataset.name == "pystdlib"
    assert len(lines) == 1 and "pystdlib" in lines[0] and "\n" not in lines[0]
    assert 5e6 < len(dataset.train) + len(dataset.val) < 20e6
    assert find_dataset("auto").fingerprint == dataset.fingerprint


# --- the download


@pytest.fixture
def play(web, monkeypatch):
    """A small text served in the place of tiny Shakespeare, as its file."""
    folder, url = web
    file = folder / "input.txt"
    file.write_text(inspect.getsource(inspect), encoding="utf-8")
    monkeypatch.setattr(shakespeare, "URL", url + "/input.txt")
    monkeypatch.setattr(shakespeare, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    return file


def test_shakespeare_is_downloaded_once_and_split_like_nanogpt(play, tmp_path, capfd):
    text, lines = play.read_text(encoding="utf-8"), []
    dataset = open_dataset("auto", say=lines.append)
    assert dataset.name == "shakespeare"
    at = int(0.9 * len(text))
    assert (len(dataset.train), len(dataset.val)) == (at, len(text) - at)
    assert dataset.vocab_size == len(set(text))
    assert dataset.decode(dataset.val.shard(0)[:20]) == text[at:][:20]
    assert lines == [] and capfd.readouterr() == ("", "")
    play.rename(tmp_path / "moved.txt")
    assert open_dataset("shakespeare", "byte").vocab_size == 256  # the text itself is cached too
    assert open_dataset(str(tmp_path / "moved.txt")).fingerprint == dataset.fingerprint
    file = shakespeare.shakespeare_file(tmp_path / "cache")
    assert list(file.parent.iterdir()) == [file]
    assert file.stat().st_mode & 0o044 == 0o044  # a cache may be shared


def test_the_vocabulary_of_auto_is_of_the_text_that_will_be_trained_on(play, book, monkeypatch):
    """Although another is there already, as pystdlib is from a day without a network."""
    stand_in, find = open_dataset(book), dataset.find_dataset
    monkeypatch.setattr(dataset, "find_dataset", lambda name, *args: find(book if name == "auto" else name))
    assert vocab_size_of("auto", "char") == open_dataset("auto").vocab_size != stand_in.vocab_size


@pytest.mark.shared_data
@pytest.mark.skipif(not SHAKESPEARE.exists(), reason="tinyshakespeare.txt is not here")
def test_shakespeare_is_nanogpts(web, monkeypatch):
    folder, url = web
    (folder / "input.txt").write_bytes(SHAKESPEARE.read_bytes())
    monkeypatch.setattr(shakespeare, "URL", url + "/input.txt")
    dataset = open_dataset("auto", say=pytest.fail)
    assert dataset.name == "shakespeare"
    assert (len(dataset.train), len(dataset.val), dataset.vocab_size) == (1_003_854, 111_540, 65)
    assert dataset.decode(dataset.val.shard(0)[:20]) == SHAKESPEARE.read_text()[1_003_854:][:20]
    assert open_dataset(str(SHAKESPEARE)).fingerprint == dataset.fingerprint


def test_wrong_download_is_an_error(play, tmp_path):
    play.write_text("<html>please sign in</html>")
    with pytest.raises(DataError, match="download is wrong") as error:
        open_dataset("shakespeare")
    one_line(error)
    assert not list(tmp_path.glob("cache/shakespeare/*"))


def test_wrong_text_in_the_cache_is_an_error(tmp_path):
    file = shakespeare.shakespeare_file(tmp_path / "cache")
    file.parent.mkdir(parents=True)
    file.write_text("All's well")
    with pytest.raises(DataError, match="is not tiny Shakespeare") as error:
        open_dataset("shakespeare")
    assert str(file) in one_line(error) and file.read_text() == "All's well"


class Answers(http.server.SimpleHTTPRequestHandler):
    """Answers HEAD; what it does on GET is for those below."""

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()


def test_a_server_that_fails_is_asked_once(serve, monkeypatch):
    requests = []

    class Fails(Answers):
        def do_GET(self):
            requests.append(self.path)
            self.send_error(500)

    monkeypatch.setattr(shakespeare, "URL", serve(Fails) + "/input.txt")
    with pytest.raises(DataError, match="could not be downloaded .*500") as error:
        open_dataset("shakespeare")
    assert "pystdlib" in one_line(error) and requests == ["/input.txt"]


def test_a_download_that_never_ends_is_given_up(serve, monkeypatch, tmp_path):
    stop = threading.Event()

    class Trickles(Answers):
        """A byte now and then: no timeout of a socket ends that."""

        def do_GET(self):
            self.do_HEAD()
            while not stop.wait(0.1):
                self.wfile.write(b"x")

    monkeypatch.setattr(shakespeare, "URL", serve(Trickles) + "/input.txt")
    monkeypatch.setattr(shakespeare, "MAX_SECONDS", 0.5)
    start = time.monotonic()
    with pytest.raises(DataError, match="no answer within 0.5 seconds") as error:
        open_dataset("shakespeare")
    stop.set()
    assert time.monotonic() - start < 5 and "input.txt" in one_line(error)
    assert not shakespeare.shakespeare_file(tmp_path / "cache").exists()
