"""Titles of effects say what is shown of which factor, and where."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from reports.sections.effect_titles import effects_title
from sweeper.evidence.effects.shown import AtLevel, Dependence, Direction, Shown
from sweeper.evidence.statistics.paired import Estimate

SIZES: Mapping[Direction, float] = {"better": -0.05, "worse": 0.04, "unclear": 0.0}


def shown(name: str, found: Direction = "unclear", *, is_mean: bool = False, level: str = "1") -> Shown:
    return Shown(factor=name, level=level, shown=found, is_mean=is_mean)


def dependent(
    name: str, other: str, levels: Sequence[tuple[str, Direction]], apart: tuple[int, int] | None = (0, 1)
) -> Shown:
    at = tuple(
        AtLevel(
            level=level, shown=found, estimate=Estimate(value=SIZES[found], standard_error=0.01, df=8, n=4, method="t")
        )
        for level, found in levels
    )
    return Shown(factor=name, level="1", shown="unclear", depends=Dependence(factor=other, levels=at, apart=apart))


PTB, WIKI = "corpus = ptb", "corpus = wiki"


@pytest.mark.parametrize(
    ("found", "title"),
    [
        ([shown("a", "better")], "a helps"),
        ([shown("a")], "No effect can be distinguished from zero"),
        ([shown("a"), shown("b")], "None of 2 effects can be distinguished from zero"),
        ([shown("a", "better"), shown("b", "worse"), shown("c")], "a helps; b makes it worse"),
        ([shown(name, "worse") for name in "abcd"], "4 factors make it worse"),
        ([shown("a", "worse", is_mean=True)], "a makes it worse on average"),
        ([shown("a", "better", level="1"), shown("a", "better", level="2")], "a helps"),
        ([shown("a", "better", level="1"), shown("a", "unclear", level="2")], "a = 1 helps"),
        ([shown("a", "better", level="1"), shown("a", "worse", level="2")], "a = 1 helps; a = 2 makes it worse"),
        ([dependent("a", "", [("size = 1", "better"), ("size = 2", "worse")])],
         "a helps at size = 1 and makes it worse at size = 2"),
        ([dependent("a", "", [("size = 1", "better"), ("size = 2", "worse"), ("size = 3", "worse")])],
         "a helps at size = 1 and makes it worse at size = 2 and 3"),
        ([dependent("a", "share", [("0.25", "better"), ("0.5", "better"), ("1", "worse")], (0, 2))],
         "a helps at share = 0.25 and 0.5 and makes it worse at share = 1"),
        ([dependent("a", "share", [("0.25", "unclear"), ("1", "unclear")])], "a interacts with share"),
        ([Shown(factor="a", level="1", shown="unclear", depends=Dependence(factor="b"))], "a interacts with b"),
        ([Shown(factor="a", level="1", shown="unclear", depends=Dependence(factor="b", blocks=(PTB,)))],
         "a interacts with b on ptb"),
    ],
)  # fmt: skip
def test_only_what_is_shown_is_said_and_where_an_effect_depends_on_something_that_is(
    found: Sequence[Shown], title: str
) -> None:
    assert effects_title("", found) == title
    assert effects_title("screen", found) == f"In screen, {title[:1].lower()}{title[1:]}"


def on(*found: Direction) -> Sequence[tuple[str, Direction]]:
    return list(zip((PTB, WIKI, "corpus = web"), found, strict=False))


@pytest.mark.parametrize("apart", [(0, 1), None])
@pytest.mark.parametrize(
    ("found", "words"),
    [
        (("better", "worse"), "a helps on ptb and makes it worse on wiki"),
        (("worse", "better"), "a helps on wiki and makes it worse on ptb"),
        (("better", "better"), ("a helps, more on ptb than on wiki", "a helps on ptb and wiki")),
        (("worse", "worse"), ("a makes it worse, more on ptb than on wiki", "a makes it worse on ptb and wiki")),
        (("better", "unclear"), ("a helps on ptb, with a different, unclear effect on wiki", "a helps on ptb")),
        (("unclear", "better"), ("a helps on wiki, with a different, unclear effect on ptb", "a helps on wiki")),
        (("worse", "unclear"), ("a makes it worse on ptb, with a different, unclear effect on wiki",
                                "a makes it worse on ptb")),
        (("unclear", "worse"), ("a makes it worse on wiki, with a different, unclear effect on ptb",
                                "a makes it worse on wiki")),
        (("unclear", "unclear"), ("a acts differently on ptb and wiki", "No effect can be distinguished from zero")),
        (("better", "better", "better"), ("a helps, more on ptb than on wiki", "a helps on ptb, wiki and web")),
        (("better", "better", "unclear"), ("a helps on ptb and wiki, more on ptb than on wiki",
                                           "a helps on ptb and wiki")),
        (("better", "worse", "unclear"), "a helps on ptb and makes it worse on wiki"),
        (("better", "worse", "worse"), "a helps on ptb and makes it worse on wiki and web"),
        (("better", "unclear", "worse"), "a helps on ptb and makes it worse on web"),
        (("unclear", "unclear", "better"), "a helps on web"),
        (("worse", "unclear", "worse"), ("a makes it worse on ptb and web, with a different, unclear effect on wiki",
                                         "a makes it worse on ptb and web")),
    ],
)  # fmt: skip
def test_words_follow_what_is_shown_in_each_stratum(
    found: Sequence[Direction], words: str | tuple[str, str], apart: tuple[int, int] | None
) -> None:
    wanted = words if isinstance(words, str) else words[apart is None]
    assert effects_title("", [sized(on(*found), apart)]) == wanted


def sized(levels: Sequence[tuple[str, Direction]], apart: tuple[int, int] | None) -> Shown:
    """An effect that is the larger of two, in the direction that is shown, where it is shown and first."""
    base = dependent("a", "", levels, apart)
    assert base.depends is not None
    at = [
        replace(each, estimate=replace(each.estimate, value=each.estimate.value * (1.0 - 0.1 * place)))
        for place, each in enumerate(base.depends.levels)
    ]
    return replace(base, depends=replace(base.depends, levels=tuple(at)))


PAIRS = (None, (0, 1), (0, 2), (1, 2))
DIRECTIONS: Sequence[Direction] = ("better", "worse", "unclear")


@pytest.mark.parametrize("apart", PAIRS)
@pytest.mark.parametrize("found", list(itertools.product(DIRECTIONS, repeat=3)))
@pytest.mark.parametrize("other", ["", "share"])
def test_no_level_is_said_to_do_what_is_not_shown_at_it(
    found: Sequence[Direction], apart: tuple[int, int] | None, other: str
) -> None:
    levels = [("k", found[0]), ("l", found[1]), ("m", found[2])]
    known = dependent("a", other, levels, apart)
    title = effects_title("", [known])
    for words, direction in (("helps", "better"), ("makes it worse", "worse")):
        said = title.partition(words)[2].partition(" and makes")[0].partition(", with")[0]
        named = set(re.findall(r"\b[klm]\b", said))
        shown_there = {name for name, each in levels if each == direction}
        assert named <= shown_there
        assert (words in title) == bool(shown_there)
        assert named == shown_there or set(found) == {direction}  # everywhere needs no name
    for pair in re.findall(r"more (?:on|at share =) ([klm]) than (?:on|at share =) ([klm])", title):
        assert apart is not None
        assert set(pair) == {levels[place][0] for place in apart}


def test_a_mean_is_not_said_without_the_block_that_does_the_opposite() -> None:
    levels = dependent("a", "", [(PTB, "worse")], None).depends
    found = [replace(shown(name, "better", is_mean=True), depends=levels) for name in "ab"]
    assert effects_title("", found[:1]) == "a helps on average, but makes it worse on ptb"
    assert effects_title("", found) == "a and b help on average, but make it worse on ptb"


def test_names_that_would_fill_a_title_are_cut() -> None:
    found = effects_title("p" * 90, [shown("f" * 95, "better")])
    assert len(found) < 110
    assert found.count("\u2026") == 2
