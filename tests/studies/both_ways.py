"""Comparisons of arms in what was really run, at the same and at each arm's own best length."""

import json
from collections.abc import Mapping
from dataclasses import replace
from math import expm1
from pathlib import Path

import yaml

from sweeper.evidence.claims.both_lengths import Reading, both_lengths
from sweeper.evidence.data.load import load_archive
from sweeper.evidence.data.runs import MetricRuns
from sweeper.evidence.sequential.verdicts import judge_study
from sweeper.spec.load import parse_study

STUDIES = Path(__file__).parents[2] / "studies"
Arm = Mapping[str, object]  # its levels, but for those of the baseline
Side = tuple[str, Arm]  # with its phase


def read_both_ways(
    folder: str, comparisons: Mapping[str, tuple[Side, Side]], where: Mapping[str, Arm] | None = None
) -> dict[str, tuple[Reading, Reading]]:
    """Return by name the change of test perplexity from one arm to another, at the same and at their own lengths.

    Args:
        folder: of the kept results.
        where: by name the levels of blocks within which arms are compared.
    """
    data = load_archive(STUDIES / "results" / folder)
    document = yaml.safe_load((STUDIES / f"{data.study.name}.yaml").read_text())
    arms = {_text(arm): dict(arm) for sides in comparisons.values() for _, arm in sides}
    names = {text: f"arm-{place}" for place, text in enumerate(arms)}
    document["arms"] = {names[text]: arm for text, arm in arms.items()}
    document["claims"] = [
        {
            "id": f"claim-{place}",
            "text": f"Claim {place}.",
            "metric": "test_perplexity",
            "contrast": {**_contrast(*sides, names), **_where((where or {}).get(name))},
            "expect": "decrease",
            "at": "best_length",
        }
        for place, (name, sides) in enumerate(comparisons.items())
    ]
    asked = parse_study(yaml.safe_dump(document, sort_keys=False))
    data = replace(data, study=replace(data.study, arms=asked.arms, claims=asked.claims))
    found = both_lengths(judge_study(data), MetricRuns(data))
    return {name: (each.same, each.best) for name, each in zip(comparisons, found, strict=True)}


def told(reading: Reading) -> str:
    """Return a change in percent with its 95% interval, as the pages have it."""
    mean, low, high = (100 * expm1(each) for each in (reading.estimate, reading.low, reading.high))
    return f"{mean:+.1f}% ({low:+.1f} to {high:+.1f})".replace("-", "\N{MINUS SIGN}")


def _contrast(start: Side, end: Side, names: Mapping[str, str]) -> dict[str, object]:
    if start[0] == end[0]:
        return {"phase": start[0], "from": names[_text(start[1])], "to": names[_text(end[1])]}
    (first, low), (second, high) = start, end
    return {"from": {"phase": first, "arm": names[_text(low)]}, "to": {"phase": second, "arm": names[_text(high)]}}


def _where(levels: Arm | None) -> dict[str, object]:
    return {} if levels is None else {"where": dict(levels)}


def _text(arm: Arm) -> str:
    return json.dumps(arm, sort_keys=True)
