"""How long slots stand idle between trials: the mix of the 339-trial study at a thousandth of its lengths.

Run: python -m benchmarks.idle [SLOTS [SCALE]]

Each trial sleeps for its share of an hour (339 trials, 568 hours; scaled by SCALE, 1/1000) and reports once. A slot is
idle from the end of an attempt to the start of the next one on it; what a trial takes beyond its sleep is told too.
"""

import json
import sys
import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from sweeper.launch import launch
from sweeper.plan import make_plan
from sweeper.spec import parse_study
from sweeper.store import reader

MIX = {0.25: 104, 1.0: 108, 2.0: 91, 7.0: 36}  # hours: trials
PROGRAM = """
import json, os, time
seconds = json.load(open(os.environ["SWEEPER_CONFIG"]))["hours"] * 3600 * {scale}
time.sleep(seconds)
with open(os.path.join(os.environ["SWEEPER_RUN_DIR"], "metrics.jsonl"), "a") as file:
    file.write(json.dumps({{"step": 1, "loss": 1.0}}) + "\\n")
"""
STUDY = """
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


def main(slots: int, scale: float) -> None:
    """Run the study and print the shares."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = folder / "program.py"
        program.write_text(PROGRAM.format(scale=scale))
        phases = "\n".join(
            f"  - {{name: h{place}, design: {{list: [{{length: {hours}}}]}}, seeds: {number}, budget: {{steps: 1}}}}"
            for place, (hours, number) in enumerate(MIX.items())
        )
        command = json.dumps([sys.executable, "-I", "-S", str(program)])
        text = STUDY.format(command=command, lengths=list(MIX), phases=phases)
        study = parse_study(text, "idle.yaml")
        url = f"sqlite:///{folder}/sweeper.db"
        nothing = lambda *_: None  # noqa: E731 - nobody watches
        launch(study, make_plan(study), store=url, slots=slots, extend=False, on_enrolled=nothing, on_tick=nothing)
        with reader.connect(url) as connection:
            attempts = reader.attempts(connection, 1)
    by_slot: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for attempt in attempts:
        assert attempt.ended_at is not None
        by_slot[attempt.slot].append((attempt.started_at, attempt.ended_at))
    gaps = [later[0] - earlier[1] for times in by_slot.values() for earlier, later in pairwise(times)]
    held = sum(end - start for times in by_slot.values() for start, end in times)
    slept = sum(hours * number for hours, number in MIX.items()) * 3600 * scale
    print(f"{len(attempts)} attempts on {slots} slots, {slept:.0f} s of sleep:")
    idle, beyond = sum(gaps), held - slept
    print(f"  idle between trials         {100 * idle / (held + idle):6.2f} %  ({1000 * idle / len(gaps):.1f} ms each)")
    print(f"  of a trial beyond its sleep {100 * beyond / held:6.2f} %  ({1000 * beyond / len(attempts):.1f} ms each)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16, float(sys.argv[2]) if len(sys.argv) > 2 else 1 / 1000)
