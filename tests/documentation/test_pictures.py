"""The picture in docs/decide.md and what the page quotes are what the present code gives."""

import re
from pathlib import Path

import pytest

from tests.documentation.blocks import DOCS
from tools.pictures import PICTURE, WATCHED, _printed, made_up, picture


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return made_up(tmp_path_factory.mktemp("whole"))


def words(svg: str) -> list[str]:
    return re.findall(r">([^<]+)<", svg)


def test_the_picture_of_looks_is_as_the_report_draws_it(store: str) -> None:
    assert words(PICTURE.read_text(encoding="utf-8")) == words(picture(store).svg), "run python -m tools.pictures"


def test_what_the_page_quotes_is_printed(store: str, tmp_path: Path) -> None:
    page = " ".join((DOCS / "decide.md").read_text(encoding="utf-8").split())
    lines = _printed("status", made_up(tmp_path, WATCHED)).splitlines()
    of_claims = [line for line in lines if re.match(r"[a-z-]+: (supported|look) ", line)]
    assert len(of_claims) == 3
    assert all(line in page for line in of_claims)
    verdict, sentence = _printed("claims", store).splitlines()[:2]
    assert " ".join(f"{verdict} {sentence}".split()) in page
