"""How fast the store is: enrolling, claiming, ingesting, reading. Run: python -m benchmarks.store [TRIALS]

Prints seconds, or milliseconds an operation, one line each; no threshold, since machines differ.
"""

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.store import queue, reader
from sweeper.store.engine import open_store
from sweeper.store.enrol import enrol
from sweeper.store.ingest import ingest
from sweeper.store.records import Measurement, Outcome, SlotIdentity

NUM_FACTORS = 6
NUM_POINTS = 100
NUM_CYCLES = 200
SLOT = SlotIdentity(
    host="here",
    machine="here",
    slot="cpu-0",
    device="cpu",
    device_share=1.0,
    supervisor_pid=1,
    supervisor_started_at=0.0,
)


@dataclass(frozen=True)
class _Budget:
    key: str = '{"steps": 300}'

    def as_dict(self) -> dict[str, object]:
        return {"steps": 300}


@dataclass(frozen=True)
class _Trial:
    phase: str
    number: int
    configuration: dict[str, object]
    config: dict[str, object]
    configuration_hash: str
    seed: int = 0
    budget: _Budget = _Budget()


@dataclass(frozen=True)
class _Phase:
    name: str
    design: str
    spec: dict[str, Any]
    trials: tuple[_Trial, ...]
    members: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class _Plan:
    study: str
    phases: tuple[_Phase, ...]


@dataclass(frozen=True)
class _Study:
    document: dict[str, Any]
    source: str = ""
    path: Path = Path("benchmark.yaml")


def main(num_trials: int) -> None:
    """Runs all of it in a temporary folder."""
    plan, study = _plan(num_trials)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/store.db"
        with _timed("make a store"):
            engine = open_store(url, create=True)
        with _timed(f"enrol {num_trials} trials"):
            study_id = enrol(engine, plan, study, runs_dir=Path(folder), now=0.0).study_id  # type: ignore[arg-type]  # the plan's shape is what counts
        with _timed("enrol the same again"):
            enrol(engine, plan, study, runs_dir=Path(folder), now=0.0)  # type: ignore[arg-type]
        _cycles(engine, study_id)
        with _timed("status: connect, counts, device-seconds"), reader.connect(url) as connection:
            reader.counts(connection, study_id)
            reader.device_seconds(connection, study_id)
        with _timed("read all trials"), reader.connect(url) as connection:
            reader.trials(connection, study_id)
        with _timed(f"read {NUM_CYCLES * NUM_POINTS} points as curves"), reader.connect(url) as connection:
            reader.curves(connection, study_id, "loss")
        engine.dispose()


def _cycles(engine: Any, study_id: int) -> None:
    seconds = dict.fromkeys(("claim", "renew", "ingest", "finish"), 0.0)
    for _ in range(NUM_CYCLES):
        start = time.perf_counter()
        claim = queue.claim(engine, study_id, SLOT, lease_s=60.0, now=time.time())
        assert claim is not None
        claimed = time.perf_counter()
        queue.renew(engine, claim, lease_s=60.0, now=time.time(), device_seconds=1.0)
        renewed = time.perf_counter()
        points = [Measurement(metric="loss", step=step, value=float(step)) for step in range(NUM_POINTS)]
        ingest(engine, claim, points, 1)
        ingested = time.perf_counter()
        outcome = Outcome(exit_reason="completed", value=1.0)
        queue.finish(engine, claim, outcome, retry={}, now=time.time())
        ended = time.perf_counter()
        for name, took in zip(
            seconds, (claimed - start, renewed - claimed, ingested - renewed, ended - ingested), strict=True
        ):
            seconds[name] += took
    for name, total in seconds.items():
        print(f"{name:45} {1000 * total / NUM_CYCLES:9.2f} ms")


def _plan(num_trials: int) -> tuple[Any, _Study]:
    trials = []
    for number in range(num_trials):
        configuration: dict[str, object] = {f"factor_{place}": (number >> place) % 4 for place in range(NUM_FACTORS)}
        config = {"number": number, "model": {f"option_{place}": place for place in range(40)}, **configuration}
        digest = hashlib.sha256(json.dumps(config).encode()).hexdigest()
        trials.append(_Trial("screen", number, configuration, config, digest))
    phase = _Phase("screen", "grid", {}, tuple(trials), tuple(("screen", trial.number) for trial in trials))
    document = {
        "study": "benchmark",
        "metric": {"name": "loss", "direction": "minimize"},
        "factors": {f"factor_{place}": {"levels": [0, 1, 2, 3]} for place in range(NUM_FACTORS)},
    }
    return _Plan("benchmark", (phase,)), _Study(document)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what:45} {time.perf_counter() - start:9.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
