"""Measure how long slots are idle between trials, with the run times of the 339-trial study scaled to a thousandth.

Each trial sleeps for its run time (339 trials, 568 hours; scaled to a thousandth) and reports once. A slot is idle from
the end of one attempt to the start of its next; the time that a trial takes beyond its sleep is measured too.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figures
from benchmarks.options import Options
from benchmarks.results import say
from sweeper.execution.launch import launch
from sweeper.planning.plan import make_plan
from sweeper.spec.load import parse_study
from sweeper.store.reading import reader

SLOTS: Final = 16
SCALE: Final = 1 / 1000
QUICK_SCALE: Final = 1 / 50_000
MIX: Final = {0.25: 104, 1.0: 108, 2.0: 91, 7.0: 36}  # hours: trials
PROGRAM: Final = """
import json, os, time
seconds = json.load(open(os.environ["SWEEPER_CONFIG"]))["hours"] * 3600 * {scale}
time.sleep(seconds)
with open(os.path.join(os.environ["SWEEPER_RUN_DIR"], "metrics.jsonl"), "a") as file:
    file.write(json.dumps({{"step": 1, "loss": 1.0}}) + "\\n")
"""
STUDY: Final = """
study: idle
metric: {{name: loss, direction: minimize}}
trial:
  program: {{command: {command}}}
  config: {{hours: 1.0}}
resources: {{device: cpu, slots: 1}}
factors: {{length: {{path: hours, levels: {lengths}}}}}
phases:
{phases}
"""


def measure(options: Options) -> Figures:
    """Return the share of the time that slots were idle, and the time that a trial takes beyond its sleep."""
    mix, scale = (dict.fromkeys(MIX, 5), QUICK_SCALE) if options.quick else (MIX, SCALE)
    slept = sum(hours * number for hours, number in mix.items()) * 3600 * scale
    say(f"{sum(mix.values())} trials that sleep for {slept:.0f} s, on {SLOTS} slots: {slept / SLOTS:.0f} s and more")
    by_slot = _run(mix, scale)
    gaps = [later[0] - earlier[1] for times in by_slot.values() for earlier, later in pairwise(times)]
    held = sum(end - start for times in by_slot.values() for start, end in times)
    number = sum(len(times) for times in by_slot.values())
    return {
        "slots": SLOTS,
        "attempts": number,
        "slept_s": slept,
        "idle_share": sum(gaps) / (held + sum(gaps)),
        "idle_ms": 1000 * sum(gaps) / len(gaps),
        "beyond_share": (held - slept) / held,
        "beyond_ms": 1000 * (held - slept) / number,
    }


def _run(mix: Mapping[float, int], scale: float) -> Mapping[str, Sequence[tuple[float, float]]]:
    """Run the study and return the start and end of each attempt, by slot."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        program = directory / "program.py"
        program.write_text(PROGRAM.format(scale=scale), encoding="utf-8")
        phases = "\n".join(
            f"  - {{name: h{index}, design: {{list: [{{length: {hours}}}]}}, seeds: {number}, budget: {{steps: 1}}}}"
            for index, (hours, number) in enumerate(mix.items())
        )
        command = json.dumps([sys.executable, "-I", "-S", str(program)])
        study = parse_study(STUDY.format(command=command, lengths=list(MIX), phases=phases), "idle.yaml")
        url = f"sqlite:///{directory}/sweeper.db"
        nothing = lambda *_: None  # noqa: E731 - no progress is shown
        launch(study, make_plan(study), store=url, num_slots=SLOTS, extend=False, on_enrolled=nothing, on_tick=nothing)
        with reader.connect(url) as connection:
            attempts = reader.attempts(connection, 1)
    by_slot: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for attempt in sorted(attempts, key=lambda each: each.started_at):
        assert attempt.ended_at is not None
        by_slot[attempt.slot].append((attempt.started_at, attempt.ended_at))
    return by_slot
