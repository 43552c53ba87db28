"""Claims beside a factor with a range, which has no baseline: some have nothing to do with it, others have."""

import pytest

from sweeper.errors import MistakesError
from sweeper.evidence.claims.statements import gather
from sweeper.evidence.planned.runs import planned_runs
from sweeper.forecast.claim_power import claim_power
from sweeper.planning.plan import make_plan
from sweeper.spec.load import parse_study

STUDY = """
study: s
metric: {name: loss, direction: minimize}
trial: {program: {command: [python, train.py, "{seed}"]}, config: {a: 0, b: 0}}
factors:
  a: {path: a, levels: [0, 1]}
  b: {path: b, levels: [0, 1]}
  lr: {path: lr, low: 0.001, high: 0.1}
phases:
  - {name: p, design: grid, factors: [a, b], seeds: 3, budget: {steps: 10}}
  - {name: q, design: {list: [{}, {a: 1}, {lr: 0.01}, {lr: 0.02}]}, seeds: 3, budget: {steps: 20}}
  - {name: r, design: {list: [{a: 0, lr: 0.01}, {a: 1, lr: 0.01}, {b: 1, lr: 0.02}]}, seeds: 3, budget: {steps: 30}}
claims: [{id: c, text: t., CLAIM}]
"""


@pytest.mark.parametrize(
    ("claim", "pairs"),
    [
        ("ordering: {phase: p, largest: a, among: [b]}", 6),
        ("constant: {phase: p, levels: {a: 1}, value: 1.0}, expect: below", 3),
        ("contrast: {from: {phase: p}, to: {phase: p, levels: {a: 1, b: 1}}}, expect: decrease", 3),
        ("contrast: {from: {phase: p}, to: {phase: r, levels: {a: 1}}}, expect: decrease", 3),
        ("ordering: {phase: q, largest: a, among: [lr]}", 3),
        ("ordering: {phase: q, order: [lr, a]}", 3),
        ("contrast: {phase: q, factor: lr, from: null, to: 0.01}, expect: decrease", 3),
        ("contrast: {phase: q, factor: lr, from: 0.01, to: 0.02}, expect: decrease", 3),
        ("contrast: {phase: r, factor: a, from: 0, to: 1}, expect: decrease", 3),
        ("constant: {phase: r, levels: {a: 1}, value: 1.0}, expect: below", 3),
    ],
)
def test_a_claim_that_the_trials_can_test_is_accepted_and_gathered(claim: str, pairs: int) -> None:
    study = parse_study(STUDY.replace("CLAIM", claim))
    plan = make_plan(study)
    (found,) = claim_power(plan, study)
    assert (found.pairs, found.reason) == (pairs, "")
    evidence = gather(study.claims[0], planned_runs(study, plan)["loss"])
    assert min(part.comparison.num_seeds for part in evidence.parts) == 3


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (
            "ordering: {phase: r, largest: a, among: [lr]}",
            "among[0]: phase r has no configuration that differs from the baseline only in lr, so it does not",
        ),
        (
            "ordering: {phase: p, largest: a, among: [lr]}",
            "among[0]: 'lr' is not varied in phase p, which varies a, b.",
        ),
        (
            "contrast: {phase: r, factor: lr, from: 0.01, to: 0.02}, expect: decrease",
            "phase r has no two configurations that differ only in lr, 0.01 and 0.02.",
        ),
        (
            "constant: {phase: q, levels: {a: 1, lr: 0.01}, value: 1.0}, expect: below",
            "phase q has no configuration with a = 1, lr = 0.01 and everything else at the baseline.",
        ),
    ],
)
def test_a_claim_that_they_cannot_test_is_refused(claim: str, message: str) -> None:
    with pytest.raises(MistakesError) as caught:
        parse_study(STUDY.replace("CLAIM", claim))
    assert message in str(caught.value)
