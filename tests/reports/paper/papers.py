"""Studies from which papers are made in tests."""

import math
from typing import Any

import numpy as np

from reports.paper.kit import source_of
from reports.paper.tables import Source
from sweeper.evidence.sequential.verdicts import judge_study
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"dropout": factor(0.0, 0.1, 0.2), "corpus": factor("a", "b", path="data.corpus")}
SPECIALS = r"50% of $x_1^2$ & {#2} ~ \a|b<c>d"
FOREIGN = "\u00e9\u00f1\u00fc\u0159 \u03b1\u0394 \u2264 \u00d7 \u00b5 \u4e2d\u6587 \U0001f600 \u0111"


def claim(name: str = "dropout-helps", text: str = "Dropout helps.", to: object = 0.1) -> dict[str, Any]:
    return {
        "id": name,
        "text": text,
        "metric": None,
        "contrast": {"phase": "screen", "factor": "dropout", "from": 0.0, "to": to, "where": None},
        "expect": "decrease",
        "at_least": "1%",
    }


def value(levels, seed) -> float:
    base = {0.0: 100.0, 0.1: 90.0, 0.2: 89.7}[levels["dropout"]] * (2 if levels["corpus"] == "b" else 1)
    return base * math.exp(0.01 * np.random.default_rng([seed, round(10 * levels["dropout"])]).normal())


def rows(corpora=("a", "b")) -> list[dict[str, Any]]:
    return [{"dropout": level, "corpus": corpus} for corpus in corpora for level in (0.0, 0.1, 0.2)]


def two_strata(ends=value, **options) -> Source:
    screen = Phase("screen", "list", rows(), ends, blocks=["corpus"])
    options = {"claims": [claim()], **options}
    return of(study_data(FACTORS, screen, **options))


def of(data) -> Source:
    return source_of(data, judge_study(data))
