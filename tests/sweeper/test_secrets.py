"""Passwords in store URLs are neither shown nor stored."""

import pytest

from reports.notebook import Store, StudyView
from sweeper.execution.provenance import command_line
from sweeper.store.url import shown

URLS = [
    ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
    ("postgresql+psycopg://me:se/c?r@et@host:5432/db", "postgresql+psycopg://me:***@host:5432/db"),
    ("postgresql://me@host/db", "postgresql://me@host/db"),
    ("postgresql://host/db?user=me&password=secret&ssl=1", "postgresql://host/db?user=me&password=***&ssl=1"),
    ("postgresql://host/db?sslpassword=secret", "postgresql://host/db?sslpassword=***"),
]  # fmt: skip
SLIPS = [
    ("postgresql:/me:secret@host/db", "postgresql:***@host/db"),
    ("me:secret@host/db", "me:***@host/db"),
    ("postgresql://me:secret/db", "postgresql://me:***/db"),
    ("postgresql://me:secret", "postgresql://me:***"),
    ("postgresql://me:1secret/db", "postgresql://me:***/db"),
    ("postgresql://host:5432/db", "postgresql://host:5432/db"),
    ("postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db"),
    ("store.db", "store.db"),
]


@pytest.mark.parametrize(("url", "safe"), [*URLS, *SLIPS])
def test_a_url_is_shown_without_its_password(url: str, safe: str) -> None:
    assert shown(url) == safe


def test_what_a_notebook_shows_of_a_study_has_no_password() -> None:
    assert repr(StudyView("postgresql://me:secret@host/db", "s")) == "StudyView(name='s')"
    assert "secret" not in repr(Store("postgresql://me:secret@host/db"))


def test_a_file_s_path_is_shown_as_it_is() -> None:
    assert shown("sqlite:////a:b@c/store.db") == "sqlite:////a:b@c/store.db"


@pytest.mark.parametrize(("url", "safe"), URLS)
def test_the_command_line_that_is_stored_has_no_password(url: str, safe: str) -> None:
    argv = ["/usr/bin/sweeper", "launch", "s.yaml", "--store", url, f"--store={url}"]
    assert command_line(argv) == ["sweeper", "launch", "s.yaml", "--store", safe, f"--store={safe}"]
