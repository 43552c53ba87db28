"""Whatever runs a study has, its standings hold together, and a paper can be made from them."""

import math
import random

import pytest

from reports.paper.kit import markdown, source_of, text_files
from reports.paper.numbers import DEFINITION
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.standings.standings import standings
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"x": factor(*range(6)), "c": factor("a", "b", path="data.corpus"), "$y_": factor("on%", "off&")}
VALUES = {
    "usual": lambda rng: 50 + rng.gauss(0, 1),
    "equal": lambda rng: 50.0,
    "huge": lambda rng: 1e200 * (1 + abs(rng.gauss(0, 1))),
    "tiny": lambda rng: 1e-200 * (1 + abs(rng.gauss(0, 1))),
    "negative": lambda rng: -50 + rng.gauss(0, 1),
    "zero": lambda rng: rng.choice([0.0, 50.0, 51.0]),
    "few digits": lambda rng: float(round(50 + rng.gauss(0, 1))),
    "infinite": lambda rng: rng.choice([math.inf, 50 + rng.random()]),
    "of all sizes": lambda rng: 10.0 ** rng.randint(-140, 140),
}


def any_study(kind: str, seed: int) -> StudyData:
    rng = random.Random(f"{kind} {seed}")

    def ends(levels, run) -> float | str:
        return rng.choice(["failed", "pruned", "waiting"]) if rng.random() < 0.1 else VALUES[kind](rng)

    rows = [
        {"x": x, "c": c, "$y_": y}
        for x in range(6) for c in "ab" for y in ("on%", "off&") if rng.random() < 0.3
    ]  # fmt: skip
    phases = [
        Phase(
            f"p{place}", rng.choice(["list", "sampler", "leave_one_out"]), rng.sample(rows, rng.randint(0, len(rows))),
            ends, seeds=rng.sample(range(5), rng.randint(1, 4)), blocks=rng.choice([[], ["c"]]),
            steps=rng.choice([100, 200]),
        )
        for place in range(rng.randint(1, 3))
    ]  # fmt: skip
    return study_data(
        FACTORS,
        *phases,
        metric=rng.choice(["valid_perplexity", "accuracy"]),
        direction=rng.choice(["minimize", "maximize"]),
        scale=rng.choice(["log", "linear"]),
        results=lambda row: {"test_perplexity": rng.choice([50 + rng.random(), 0.0])} if seed % 2 else {},
    )


@pytest.mark.parametrize("kind", VALUES)
def test_standings_hold_together(kind: str) -> None:
    for seed in range(6):
        data = any_study(kind, seed)
        found = standings(data)
        for group in found:
            if group.ranked:
                assert group.leader in group.possible
            for row in group.ranked if group.is_tested else ():
                slack = 1e-9 * abs(row.gap)
                assert row.least_gap <= 0 <= row.largest_gap
                assert row.least_gap - slack <= row.gap <= row.largest_gap + slack
                assert row.ranks is not None
                assert 1 <= row.ranks[0] <= row.ranks[1] <= len(group.ranked)
        source = source_of(data, (), found)
        lines = text_files(source)["numbers.tex"].splitlines()[2:]
        assert all(DEFINITION.match(line) for line in lines)
        assert markdown(source)
