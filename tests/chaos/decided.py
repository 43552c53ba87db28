"""A study that adds seeds until its claims are decided, whose trials, looks and verdicts chaos must not change."""

import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.chaos.chain import began, journal, writer

FILE: Final = Path(__file__).with_name("decided.yaml")
EFFECTS: Final = {"a": -0.2, "b": -0.03, "c": 0.0}
SD: Final = 0.02
STEPS: Final = 3
STEP_S: Final = 0.1
FALL: Final = 0.1  # of the loss at each step


def main() -> int:
    """Report a loss that depends on the configuration and the seed alone."""
    journal("start", began=began(), number=-1, resumed=0, lineage=[])
    with Path(os.environ["SWEEPER_CONFIG"]).open(encoding="utf-8") as file:
        config = {**json.load(file), "reports": "json", "halves": True}
    report = writer(config, os.environ["SWEEPER_RUN_DIR"])
    for step, value in curve(config, int(os.environ["SWEEPER_SEED"]), STEPS):
        report({"step": step, "loss": value})
        time.sleep(STEP_S)
    journal("end", lineage=[])
    return 0


def curve(config: Mapping[str, object], seed: int, steps: int) -> list[tuple[int, float]]:
    """Return the points of a trial."""
    last = outcome(config, seed)
    return [(step, last + FALL * (steps - step)) for step in range(1, steps + 1)]


def outcome(config: Mapping[str, object], seed: int) -> float:
    """Return the last loss of a trial."""
    on = [name for name in EFFECTS if config[name]]
    digest = hashlib.sha256(f"{on} {seed}".encode()).digest()
    first, second = (int.from_bytes(digest[place : place + 6], "big") / 2**48 for place in (0, 6))
    noise = math.sqrt(-2 * math.log(1 - first)) * math.cos(2 * math.pi * second)
    return 1.0 + 0.1 * math.sin(seed) + sum(EFFECTS[name] for name in on) + SD * noise


@dataclass(frozen=True, slots=True)
class Decided:
    """What a study's rounds did: its trials with their reasons, the record of looks and requests, and the verdicts."""

    trials: Any
    record: Any
    verdicts: Mapping[str, str]


def decided(url: str) -> Decided:
    """Return what a store holds of the study."""
    from sweeper.evidence.data.load import load
    from sweeper.evidence.sequential.verdicts import judge_study
    from tests.sweeper.adaptive_store import record

    trials, looks = record(url)
    return Decided(trials, looks, {each.id: each.verdict for each in judge_study(load(url, "s"))})


def undisturbed(url: str, folder: Path) -> Decided:
    """Return the same of a study whose trials end one by one, without processes."""
    from sweeper.planning.plan import make_plan
    from sweeper.spec.load import load_study
    from sweeper.store.engine import open_existing
    from sweeper.store.enrolment.enrol import enrol
    from tests.sweeper.adaptive_store import play

    study, engine = load_study(FILE), open_existing(url)
    try:
        enrol(engine, make_plan(study), study, runs_dir=folder, now=0.0)
        play(engine, url, outcome)
    finally:
        engine.dispose()
    return decided(url)


if __name__ == "__main__":
    sys.exit(main())
