"""Test downloads from a local server: atomic, resumed where they were cut, and refused if the file is another."""

import hashlib
import io
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trainer.corpora.fetch import CORPORA, Download, FetchError, fetch

TEXT = b"".join(b"line %d of the training text\n" % number for number in range(5000))


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for part in ("train", "valid", "test"):
            file.writestr(f"wikitext-2/wiki.{part}.tokens", TEXT + part.encode())
        file.writestr("../escaped.txt", "out")
    return buffer.getvalue()


class Server:
    """The files of the server, the requests that it received, and when it disconnects.

    Attributes:
        cut_after: bytes after which the next answers end early, one an answer.
        knows_ranges: whether it answers with a part.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str | None] = []
        self.cut_after: list[int] = []
        self.knows_ranges = True
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/{name}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        content, asked = self.files.get(request.path[1:]), request.headers.get("Range")
        self.requests.append(asked)
        if content is None:
            request.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.knows_ranges else 0
        if start and start >= len(content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        stop = start + self.cut_after.pop(0) if self.cut_after else len(content)
        request.wfile.write(content[start:stop])
        request.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.thread.join()
    server.http.server_close()


def zipped(server: Server, *, md5: str | None = None) -> tuple[Download, ...]:
    server.files["w.zip"] = archive()
    digest = md5 or hashlib.md5(server.files["w.zip"]).hexdigest()
    return (Download(server.url("w.zip"), digest, members=CORPORA["wikitext-2"][0].members),)


def test_an_archive_is_unpacked_under_our_names(tmp_path: Path, server: Server) -> None:
    folder = fetch("wikitext-2", tmp_path / "data", downloads=zipped(server))
    assert folder == tmp_path / "data" / "wikitext-2"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        f"{part}.txt": TEXT + part.encode() for part in ("train", "valid", "test")
    }
    assert list(folder.parent.iterdir()) == [folder]  # no part, no other file of the archive
    assert not (tmp_path / "escaped.txt").exists()


def test_plain_files_are_taken_as_they_are(tmp_path: Path, server: Server) -> None:
    server.files = {"a": b"one\n", "b": b"two\n"}
    downloads = [
        Download(server.url(name), hashlib.md5(content).hexdigest(), f"{name}.txt")
        for name, content in server.files.items()
    ]
    folder = fetch("ptb", tmp_path, downloads=downloads)
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt"]
    assert (folder / "b.txt").read_bytes() == b"two\n"


def test_what_is_there_is_not_fetched_again(tmp_path: Path, server: Server) -> None:
    downloads = zipped(server)
    fetch("wikitext-2", tmp_path, downloads=downloads)
    fetch("wikitext-2", tmp_path, downloads=downloads)
    assert len(server.requests) == 1


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_broken_connection_goes_on_where_it_was(tmp_path: Path, server: Server, knows_ranges: bool) -> None:
    downloads = zipped(server)
    server.knows_ranges, server.cut_after = knows_ranges, [1000, 2000]
    fetch("wikitext-2", tmp_path, downloads=downloads)
    expected = [None, "bytes=1000-", "bytes=3000-" if knows_ranges else "bytes=2000-"]
    assert server.requests == expected


def test_a_later_command_goes_on_where_an_earlier_one_failed(tmp_path: Path, server: Server) -> None:
    downloads = zipped(server)
    server.cut_after = [1000, 0, 0, 0, 0, 0]
    with pytest.raises(FetchError, match=r"cannot be fetched: .*1000 bytes are kept; rerun the same command to resume"):
        fetch("wikitext-2", tmp_path, downloads=downloads)
    assert not (tmp_path / "wikitext-2").exists()
    server.requests.clear()
    fetch("wikitext-2", tmp_path, downloads=downloads)
    assert server.requests == ["bytes=1000-"]


def test_a_part_that_is_whole_already_is_taken(tmp_path: Path, server: Server) -> None:
    downloads = zipped(server)
    (tmp_path / ".w.zip.part").write_bytes(server.files["w.zip"])
    fetch("wikitext-2", tmp_path, downloads=downloads)
    assert (tmp_path / "wikitext-2" / "train.txt").exists()


def test_another_file_is_refused_and_removed(tmp_path: Path, server: Server) -> None:
    with pytest.raises(FetchError, match=r"its MD5 is \w+, but that of the published file is 0123, so it was deleted"):
        fetch("wikitext-2", tmp_path, downloads=zipped(server, md5="0123"))
    assert not list(tmp_path.iterdir())


def test_an_archive_that_lacks_a_file_is_refused(tmp_path: Path, server: Server) -> None:
    (download,) = zipped(server)
    other = Download(download.url, download.md5, members={"train.txt": "elsewhere/train"})
    with pytest.raises(FetchError, match=r"cannot be unpacked: .*elsewhere/train"):
        fetch("wikitext-2", tmp_path, downloads=[other])
    assert not (tmp_path / "wikitext-2").exists()


def test_a_file_that_the_server_lacks_is_told_at_once(tmp_path: Path, server: Server) -> None:
    with pytest.raises(FetchError, match=r"none: cannot be fetched: Not Found\. 0 bytes are kept"):
        fetch("ptb", tmp_path, downloads=[Download(server.url("none"), "", "train.txt")])
    assert len(server.requests) == 1


def test_another_address_goes_on_where_the_first_one_failed(tmp_path: Path, server: Server) -> None:
    (download,) = zipped(server)
    said: list[str] = []
    moved = replace(download, url=server.url("moved/w.zip"), mirrors=(download.url,))
    (tmp_path / ".w.zip.part").write_bytes(server.files["w.zip"][:700])
    fetch("wikitext-2", tmp_path, downloads=[moved], say=said.append)
    assert server.requests == ["bytes=700-", "bytes=700-"]
    assert (tmp_path / "wikitext-2" / "test.txt").exists()
    assert any("moved/w.zip: cannot be fetched: Not Found" in line for line in said)


def test_another_file_at_the_first_address_does_not_hide_the_right_one(tmp_path: Path, server: Server) -> None:
    (download,) = zipped(server)
    server.files["other/w.zip"] = b"no archive"
    fetch("wikitext-2", tmp_path, downloads=[replace(download, url=server.url("other/w.zip"), mirrors=(download.url,))])
    assert (tmp_path / "wikitext-2" / "test.txt").exists()


def test_all_addresses_are_named_when_none_has_it(tmp_path: Path, server: Server) -> None:
    download = Download(server.url("one"), "", "train.txt", mirrors=(server.url("two"),))
    with pytest.raises(
        FetchError,
        match=r"one: cannot be fetched: Not Found; .*two: cannot be .*; rerun the same command to resume, or get",
    ):
        fetch("ptb", tmp_path, downloads=[download])


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FetchError, match=r"file/data: cannot be written to: Not a directory\. Choose another --folder"):
        fetch("ptb", tmp_path / "file" / "data")


def test_the_command_loads_no_pytorch_and_names_its_corpora() -> None:
    program = (
        "import sys; from trainer.corpora import fetch\ntry: fetch.main(['--help'])\n"
        "except SystemExit: pass\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "ptb,wikitext-103,wikitext-2" in done.stdout
