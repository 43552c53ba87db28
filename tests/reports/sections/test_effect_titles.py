"""Titles of effects say what is shown of which factor, and where."""

from collections.abc import Mapping, Sequence

import pytest

from reports.sections.effect_titles import effects_title
from sweeper.evidence.effects.shown import AtLevel, Dependence, Direction, Shown
from sweeper.evidence.statistics.paired import Estimate

SIZES: Mapping[Direction, float] = {"better": -0.05, "worse": 0.04, "unclear": 0.0}


def shown(name: str, found: Direction = "unclear", *, is_mean: bool = False, level: str = "1") -> Shown:
    return Shown(factor=name, level=level, shown=found, is_mean=is_mean)


def dependent(name: str, other: str, levels: Sequence[tuple[str, Direction]], apart: tuple[int, int] = (0, 1)) -> Shown:
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
        ([dependent("a", "", [(PTB, "better"), (WIKI, "unclear")])], "a helps more on ptb than on wiki"),
        ([dependent("a", "", [(PTB, "unclear"), (WIKI, "worse")])], "a makes it worse, more on wiki than on ptb"),
        ([dependent("a", "", [(PTB, "better"), (WIKI, "worse")])], "a helps on ptb and makes it worse on wiki"),
        ([dependent("a", "", [(PTB, "unclear"), (WIKI, "unclear")])], "a acts differently on ptb and wiki"),
        ([dependent("a", "", [("size = 1", "better"), ("size = 2", "worse")])],
         "a helps at size = 1 and makes it worse at size = 2"),
        ([dependent("a", "", [("size = 1", "better"), ("size = 2", "worse"), ("size = 3", "worse")])],
         "a helps at size = 1 and makes it worse at size = 2 and 3"),
        ([dependent("a", "share", [("0.25", "better"), ("0.5", "better"), ("1", "worse")], (0, 2))],
         "a helps at share = 0.25 and 0.5 and makes it worse at share = 1"),
        ([dependent("a", "share", [("0.25", "unclear"), ("1", "unclear")])], "a interacts with share"),
        ([Shown(factor="a", level="1", shown="unclear", depends=Dependence(factor="b"))], "a interacts with b"),
    ],
)  # fmt: skip
def test_only_what_is_shown_is_said_and_where_an_effect_depends_on_something_that_is(
    found: Sequence[Shown], title: str
) -> None:
    assert effects_title("", found) == title
    assert effects_title("screen", found) == f"In screen, {title[:1].lower()}{title[1:]}"


def test_names_that_would_fill_a_title_are_cut() -> None:
    found = effects_title("p" * 90, [shown("f" * 95, "better")])
    assert len(found) < 110
    assert found.count("\u2026") == 2
