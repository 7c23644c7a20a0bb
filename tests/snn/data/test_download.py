"""Downloads from a local server: checksums, mirrors, resuming, and the files that stay."""

import hashlib
import http.server
import sys
import threading

import pytest

from autograd.errors import MissingExtraError
from snn.data import Remote, fetch
from snn.data.download import check, provide
from tests.snn.data.formats import refused, zipped

pytest.importorskip("pooch", reason="comes with the extra 'data'")

CONTENT = bytes(range(256)) * 1000
SHA = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves files by name; ``breaks`` says after how many bytes a first connection ends, and ``asked`` what came."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.breaks, self.asked = {}, {}, []

    def url(self, name):
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        name, span = self.path[1:], self.headers.get("Range")
        self.server.asked.append((name, span))
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        start = int(span[6:-1]) if span else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = self.server.breaks.pop(name, len(content))
        self.wfile.write(content[start:end])


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def listing(place):
    return sorted(p.name for p in place.iterdir())


def test_a_file_comes_in_one_step_with_its_checksum(server, tmp_path):
    server.files["a.bin"] = CONTENT
    path = fetch(Remote("some.bin", (server.url("a.bin"),), SHA), tmp_path / "new")
    assert (path, path.read_bytes() == CONTENT, listing(path.parent)) == (tmp_path / "new" / "some.bin", True, ["some.bin"])


def test_md5_is_compared_too(server, tmp_path):
    server.files["a.bin"] = CONTENT
    fetch(Remote("some.bin", (server.url("a.bin"),), "md5:" + hashlib.md5(CONTENT).hexdigest()), tmp_path)
    assert listing(tmp_path) == ["some.bin"]


def test_the_next_address_is_tried(server, tmp_path):
    server.files["good"] = CONTENT
    server.files["wrong"] = b"something else"
    urls = tuple(map(server.url, ("none", "wrong", "good")))
    assert fetch(Remote("some.bin", urls, SHA), tmp_path).read_bytes() == CONTENT
    assert [name for name, _ in server.asked] == ["none", "wrong", "good"]
    assert listing(tmp_path) == ["some.bin"]


def test_what_is_not_what_was_published_is_refused_and_nothing_left(server, tmp_path):
    server.files["wrong"] = b"something else"
    text = refused(fetch, Remote("some.bin", (server.url("wrong"),), SHA), tmp_path)
    assert text.startswith("fetching some.bin: expected an address that gives the published file, got ValueError: SHA256 hash")
    assert listing(tmp_path) == []


def test_a_broken_connection_leaves_a_part_from_which_the_next_try_goes_on(server, tmp_path):
    server.files["a"], server.breaks["a"] = CONTENT, 100_000
    remote = Remote("some.bin", (server.url("a"),), SHA)
    text = refused(fetch, remote, tmp_path)
    assert "Error" in text
    assert listing(tmp_path) == ["some.bin.part"]
    have = (tmp_path / "some.bin.part").stat().st_size
    assert 0 < have <= 100_000
    assert fetch(remote, tmp_path).read_bytes() == CONTENT
    assert server.asked == [("a", None), ("a", f"bytes={have}-")]
    assert listing(tmp_path) == ["some.bin"]


@pytest.mark.parametrize("part", [b"of another file", CONTENT, CONTENT + b"more"], ids=["other", "whole", "longer"])
def test_a_part_of_another_file_is_given_up_and_a_whole_one_is_taken(server, tmp_path, part):
    server.files["a"] = CONTENT
    (tmp_path / "some.bin.part").write_bytes(part)
    assert fetch(Remote("some.bin", (server.url("a"),), SHA), tmp_path).read_bytes() == CONTENT
    assert listing(tmp_path) == ["some.bin"]


def test_more_bytes_than_a_file_may_have_are_not_written(server, tmp_path):
    server.files["a"] = CONTENT
    assert "more than 1,000 bytes" in refused(fetch, Remote("some.bin", (server.url("a"),), SHA, limit=1000), tmp_path)
    assert listing(tmp_path) == []


def test_without_a_published_checksum_the_one_found_is_said(server, tmp_path, capsys):
    server.files["a"] = CONTENT
    fetch(Remote("some.bin", (server.url("a"),)), tmp_path)
    assert f"some.bin: no checksum is published; {SHA}\n" in capsys.readouterr().err


def test_offline_the_file_its_address_and_its_folder_are_named(tmp_path):
    url = "http://127.0.0.1:9/some.bin"
    text = refused(fetch, Remote("some.bin", (url,), SHA), tmp_path)
    assert text.endswith(f"Without a network, fetch it from {url} and put it into {tmp_path}.")
    assert listing(tmp_path) == []


def test_a_set_is_found_or_unpacked_or_fetched(server, tmp_path):
    zipped(tmp_path / "up.zip", {"up/Train/a": b"1"})
    packed = (tmp_path / "up.zip").read_bytes()
    server.files["up.zip"] = packed
    remote = Remote("Train.zip", (server.url("up.zip"),), "sha256:" + hashlib.sha256(packed).hexdigest(), gives="Train")
    assert "expected Train, or Train.zip, which contains it, got no such file" in refused(
        provide, tmp_path / "a", remote, False, "data.some"
    )
    assert provide(tmp_path / "a", remote, True, "data.some") == tmp_path / "a" / "Train"
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "Train.zip").write_bytes(packed)
    assert provide(tmp_path / "b", remote, False, "data.some") == tmp_path / "b" / "Train"
    asked = len(server.asked)
    for place in ("a", "b"):
        assert (provide(tmp_path / place, remote, True, "data.some") / "a").read_bytes() == b"1"
    assert len(server.asked) == asked
    (tmp_path / "b" / "Train.zip").write_bytes(packed[:-1])
    assert "It is not the published file, or not all of it." in refused(check, tmp_path / "b" / "Train.zip", remote.checksum)


def test_without_pooch_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"expected the package pooch.+pip install 'spikecell\[data\]'"):
        fetch(Remote("a", ("http://127.0.0.1:9/a",)), tmp_path)
