"""Every file in bad/ is refused with exactly the message beside it, which was reviewed by eye."""

import re
from pathlib import Path

import pytest

from sweeper.errors import MistakesError
from sweeper.spec.load import load_study

FOLDER = Path(__file__).parent / "bad"
FILES = sorted(FOLDER.glob("*.yaml"))
PLACE = re.compile(r"^[\w-]+\.yaml:\d+:\d+: ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_with_the_message_beside_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(MistakesError) as caught:
        load_study(Path(path.name))
    assert str(caught.value) + "\n" == path.with_suffix(".txt").read_text(encoding="utf-8")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_message_says_where_and_what_to_do(path: Path) -> None:
    lines = path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert lines
    length = path.read_text(encoding="utf-8").count("\n")
    for line in lines:
        assert PLACE.match(line), line
        assert 1 <= int(line.split(":")[1]) <= length + 1
        assert line.isprintable()
        # What is wrong and what to do: two sentences, or halves of one.
        assert len(re.findall(r"[.;:?](?: |$)", PLACE.sub("", line))) >= 2, line
        assert line.endswith((".", "?"))


def test_the_corpus_is_broad() -> None:
    assert len(FILES) >= 60
    assert {path.stem for path in FILES} == {path.stem for path in FOLDER.glob("*.txt")}


def test_all_mistakes_of_a_file_are_told_at_once_by_line() -> None:
    with pytest.raises(MistakesError) as caught:
        load_study(FOLDER / "many_mistakes.yaml")
    places = [(mistake.line, mistake.column) for mistake in caught.value.mistakes]
    assert len(places) > 10
    assert places == sorted(places)
