"""Live pages are made one at a time, when something has changed and not too often, and nobody waits for them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sweeper.errors import StoreError, UsageError
from sweeper.export.live import FRESH_S, KEPT, LEAST_S, REST, LivePages


@dataclass
class World:
    """A clock, a store of versions, and functions that run when the test says so."""

    now: float = 100.0
    versions: dict[str, str] = field(default_factory=lambda: {"a": "1", "b": "1"})
    reads: int = 0
    built: list[tuple[str, str]] = field(default_factory=list)
    begun: list[Callable[[], None]] = field(default_factory=list)
    takes_s: float = 0.0
    error: Exception | None = None

    def version(self, study: str) -> str:
        self.reads += 1
        if study not in self.versions:
            raise UsageError(f"no study {study}")
        return self.versions[study]

    def build(self, study: str, version: str) -> bytes:
        self.now += self.takes_s
        self.built.append((study, version))
        if self.error is not None:
            raise self.error
        return f"{study} {version}".encode()

    def pages(self) -> LivePages:
        return LivePages(self.version, self.build, clock=lambda: self.now, start=self.begun.append)

    def finish(self) -> None:
        self.begun.pop(0)()


def test_a_request_begins_a_page_and_does_not_wait_for_it() -> None:
    world = World()
    pages = world.pages()
    assert pages.look("a") == (None, "")
    assert world.built == []
    world.finish()
    page, _ = pages.look("a")
    assert page is not None
    assert (page.version, page.content) == ("1", b"a 1")


def test_nothing_is_made_while_nothing_changes_and_nobody_looks() -> None:
    world = World()
    pages = world.pages()
    pages.look("a")
    world.finish()
    for _ in range(10):
        world.now += 60
        pages.look("a")
    assert (world.begun, len(world.built)) == ([], 1)
    world.versions["a"] = "2"
    assert world.begun == []


def test_a_change_makes_one_page_and_the_old_one_is_shown_meanwhile() -> None:
    world = World()
    pages = world.pages()
    pages.look("a")
    world.finish()
    world.versions["a"] = "2"
    world.now += 60
    for _ in range(5):
        page, _ = pages.look("a")
        assert page is not None
        assert page.version == "1"
        world.now += FRESH_S
    assert len(world.begun) == 1
    world.finish()
    page, _ = pages.look("a")
    assert page is not None
    assert page.version == "2"


def test_what_changes_while_a_page_is_made_makes_another_one_after_a_rest() -> None:
    world = World(takes_s=10.0)
    pages = world.pages()
    pages.look("a")
    world.versions["a"] = "2"
    world.finish()
    ended = world.now
    pages.look("a")
    assert world.begun == []
    world.now = ended + REST * 10 - 0.1
    pages.look("a")
    assert world.begun == []
    world.now = ended + REST * 10
    pages.look("a")
    world.finish()
    assert world.built == [("a", "1"), ("a", "2")]


def test_pages_of_several_studies_are_made_one_at_a_time() -> None:
    world = World()
    pages = world.pages()
    pages.look("a")
    pages.look("b")
    assert len(world.begun) == 1
    world.finish()
    pages.look("b")
    assert world.begun == []
    world.now += LEAST_S
    pages.look("b")
    world.finish()
    assert world.built == [("a", "1"), ("b", "1")]


def test_versions_are_read_no_more_than_once_a_second() -> None:
    world = World()
    pages = world.pages()
    for _ in range(50):
        pages.look("a")
    assert world.reads == 1
    world.now += FRESH_S
    pages.look("a")
    assert world.reads == 2


def test_what_cannot_be_made_is_said_without_a_traceback_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(error=StoreError("the store is locked"))
    pages = world.pages()
    pages.look("a")
    world.finish()
    assert pages.look("a") == (None, "the store is locked")
    world.error = ZeroDivisionError("secret of ours")
    world.now += LEAST_S
    pages.look("a")
    world.finish()
    page, error = pages.look("a")
    assert page is None
    assert "secret" not in error
    assert "secret of ours" in capsys.readouterr().err
    world.error = None
    world.now += LEAST_S
    pages.look("a")
    world.finish()
    page, error = pages.look("a")
    assert (page is not None, error) == (True, "")


def test_an_unknown_study_is_an_error_and_is_not_remembered() -> None:
    world = World()
    pages = world.pages()
    for _ in range(3):
        with pytest.raises(UsageError, match="no study x"):
            pages.look("x")
    assert world.begun == []


def test_only_the_pages_last_asked_for_are_kept() -> None:
    world = World(versions={str(number): "1" for number in range(2 * KEPT)})
    pages = world.pages()
    for name in world.versions:
        pages.look(name)
        world.finish()
        world.now += LEAST_S
    assert pages.look(str(2 * KEPT - 1))[0] is not None
    assert pages.look("0")[0] is None
