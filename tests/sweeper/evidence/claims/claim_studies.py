"""A study of three factors and claims on it, made by hand for the tests of verdicts."""

import json
import math

import numpy as np

from sweeper.evidence.claims.judge import judge_claims
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"a": factor(0.0, 0.2), "b": factor(0.0, 0.3), "c": factor("off", "on")}
SIZES = {"a": -0.08, "b": -0.05, "c": 0.0}
BASE = {"a": 0.0, "b": 0.0, "c": "off"}
ON = {"a": 0.2, "b": 0.3, "c": "on"}
ROWS = [BASE, *({**BASE, name: ON[name]} for name in ON)]
FULL_ROWS = [ON, *({**ON, name: BASE[name]} for name in ON)]


def perplexity(sd=0.002, shrink=1.0, shift=0.0, base=4.6):
    def value(levels, seed):
        text = json.dumps(levels, sort_keys=True) + str(shrink) + (f"{shift} {base}" if shift or base != 4.6 else "")
        draw = np.random.default_rng([seed, *text.encode()]).normal(0, sd)
        gains = sum(shrink * SIZES[name] for name in SIZES if levels[name] == ON[name])
        return math.exp(base + shift + gains + 0.02 * seed + draw)

    return value


def screen(value=None, rows=ROWS, **changes):
    return Phase("screen", "one_at_a_time", rows, value or perplexity(), **changes)


def claim(identity="x", **kind):
    return {"id": identity, "text": "As stated.", "metric": None, "expect": None, "at_least": 0, "within": None, **kind}


def contrast(name, expect="decrease", **more):
    spec = {"phase": "screen", "factor": name, "from": BASE[name], "to": ON[name], "where": None}
    return claim(name, contrast=spec, expect=expect, **more)


def judge(*claims, phases=None, **more):
    return judge_claims(study_data(FACTORS, *(phases or [screen()]), claims=claims, **more))
