"""The macros of a study: valid, the same for the same study, and in LaTeX as in the study."""

import re

import pytest

from reports.paper.kit import text_files
from reports.paper.latex import amount
from reports.paper.numbers import DEFINITION, PROVENANCE, content_hash, numbers
from sweeper.evidence.data.load import StudyData
from tests.reports.paper.papers import FACTORS, FOREIGN, SPECIALS, claim, of, rows, two_strata, value
from tests.reports.studies import Phase, factor, study_data


def named(source) -> dict[str, str]:
    return {each.name: each.value for each in numbers(source)}


def test_each_number_has_a_macro() -> None:
    source = two_strata()
    found = named(source)
    (verdict,), group = source.verdicts, source.standings[0]
    assert found["swSTrials"] == "18"
    assert found["swSClaimDropoutHelpsVerdict"] == "supported"
    half = 50 * (verdict.evidence.high - verdict.evidence.low)
    assert found["swSClaimDropoutHelpsSize"].startswith(amount(-verdict.percent, half, bare=True)[:-2])
    assert found["swSBestScreenAName"] == "dropout = 0.2"
    assert found["swSScreenADropoutZeroPointTwoMean"] == amount(group.rows[0].mean, group.rows[0].half_width, bare=True)
    assert found["swSScreenBBaselineRuns"] == "3"


def test_the_file_is_of_the_study_alone() -> None:
    one, two = text_files(two_strata()), text_files(two_strata())
    assert one == two
    lines = one["numbers.tex"].splitlines()
    match = PROVENANCE.match(lines[1])
    assert match is not None
    assert match["hash"] == content_hash(two_strata())
    assert all(DEFINITION.match(line) for line in lines[2:])
    assert len({DEFINITION.match(line)["name"] for line in lines[2:]}) == len(lines) - 2


def test_another_result_is_another_content() -> None:
    other = two_strata(lambda levels, seed: value(levels, seed) + 1e-9)
    assert content_hash(other) != content_hash(two_strata())
    assert content_hash(two_strata(claims=[])) != content_hash(two_strata())


@pytest.mark.parametrize("name", [SPECIALS, FOREIGN, "x" * 200, "a\nb", "{"])
def test_any_name_gives_valid_macros(name) -> None:
    factors = {**FACTORS, name: factor(name, f"{name}!")}
    levels = [{**row, name: f"{name}!"} for row in rows("a")]
    data = study_data(factors, Phase("screen", "list", levels, value), claims=[claim(), claim("other", name)])
    _assert_valid(data)


def test_names_that_clash_are_told_apart() -> None:
    claims = [claim(name) for name in ("a-b", "a_b", "aB", "A b")]
    _assert_valid(study_data(FACTORS, Phase("screen", "list", rows("a"), value), claims=claims))


def _assert_valid(data: StudyData) -> None:
    files = text_files(of(data))
    lines = files["numbers.tex"].splitlines()[2:]
    found = [DEFINITION.match(line) for line in lines]
    assert all(found)
    names = [match["name"] for match in found if match is not None]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("sw[A-Z][A-Za-z]*", each) for each in names)
    assert all(text.isascii() for name, text in files.items() if name != "numbers.tex")
    assert all(match["value"].isascii() for match in found if match is not None)


def test_what_has_no_number_is_a_dash_without_a_unit() -> None:
    waiting = study_data(FACTORS, Phase("screen", "list", rows("a"), lambda *_: "waiting"), claims=[claim()])
    found = named(of(waiting))
    assert {found[f"swSClaimDropoutHelps{what}"] for what in ("Effect", "Size", "Low", "High")} == {"--"}
    assert found["swSScreenBaselineMean"] == "--"
