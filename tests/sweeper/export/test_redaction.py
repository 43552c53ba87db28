"""What a bundle has of the machines and people behind a study: nothing that identifies them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.export.archive import read_archive
from sweeper.export.bundled import bundled
from sweeper.export.redaction import Redaction, home_directories
from sweeper.store.reading import reader

SECRETS = {"HF_TOKEN": "hf_abcdefgh", "HOME": "/home/ann", "API_KEY": "12345", "PATH": "/usr/bin"}


def redaction(*hosts: str, home: str = "/data/people/ann") -> Redaction:
    return Redaction(hosts, SECRETS, Path(home))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("File /home/ann/x.py, line 3", "File ~/x.py, line 3"),
        ("/Users/Ann/x and /root/y", "~/x and ~/y"),
        (r"C:\Users\ann\x.py", r"~\x.py"),
        ("/data/people/ann/x", "~/x"),
        ("/data/people/anna/x", "/data/people/anna/x"),
        ("node-7: died on node-7.cluster, not node-71", "host-1: died on host-2, not node-71"),
        ("postgresql://me:pass@db/x", "postgresql://me:***@db/x"),
        ("sent hf_abcdefgh", "sent ***"),
        ("12345 steps", "12345 steps"),
        ("/homework/x", "/homework/x"),
    ],
)
def test_texts_of_machines_lose_names_of_hosts_homes_and_secrets(text: str, expected: str) -> None:
    assert redaction("node-7", "node-7.cluster").text(text) == expected


def test_values_of_secrets_with_short_or_harmless_values_stay() -> None:
    assert redaction().text("12345 /usr/bin") == "12345 /usr/bin"


def test_without_hosts_and_home_nothing_is_replaced() -> None:
    assert Redaction([], {}, Path("/")).text("a b /c") == "a b /c"


def test_home_directories_in_a_study_file_are_listed_once() -> None:
    assert home_directories("cwd: /home/ann/x\ndata: /home/ann/y, /home/bob") == ["/home/ann", "/home/bob"]


def test_a_bundle_of_a_store_names_no_host_and_no_path(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "out of luck")  # which is what a trial's message says
    with reader.connect(store) as connection:
        study = reader.study(connection, "quickstart")
        attempts = reader.attempts(connection, study.id)
        found = bundled(connection, "quickstart", "csv")
    hosts = {row.host for row in attempts} | {"here"}
    for name, content in found.files.items():
        (tmp_path / name).write_bytes(content)
    archive = read_archive(tmp_path)
    assert {row.host for row in archive.attempts} == {"host-1"}
    document = json.loads(found.files["study.json"])
    assert all(facts["machine"]["host"].startswith("host-") for facts in document["environments"].values())
    assert "/" not in archive.study.source_path
    assert archive.study.runs_dir == ""
    assert "out of luck" not in "".join(content.decode() for content in found.files.values())
    assert any(row.message == "***" for row in archive.attempts)
    assert hosts  # else the test shows nothing
    assert [replace(row, host="", pid=None, message=None) for row in archive.attempts] == [
        replace(row, host="", pid=None, message=None) for row in attempts
    ]
