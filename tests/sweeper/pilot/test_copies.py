"""Runs of a pilot side by side: real processes, and what is kept of them."""

import sys
from pathlib import Path

from sweeper.execution.slots.resources import find_slots
from sweeper.pilot.choice import samples
from sweeper.pilot.copies import run_copies
from sweeper.pilot.side_by_side import reason_of
from sweeper.planning.plan import make_plan
from sweeper.spec.load import parse_study

STUDY = f"""
study: s
metric: {{name: loss, direction: minimize}}
trial:
  program:
    command: ["{sys.executable}", -IS, -c, "import sys; sys.exit('nothing in ' + sys.argv[1])", "{{run_dir}}"]
phases: [{{name: p, design: {{list: [{{}}]}}, seeds: 2, budget: {{steps: 10}}}}]
"""


def test_what_a_run_says_of_its_directory_is_kept_without_that_since_it_is_removed(tmp_path: Path) -> None:
    study = parse_study(STUDY)
    (sample,) = samples(make_plan(study), study)
    slots = find_slots("cpu", 1, gpus_per_trial=1, threads_per_trial=1)
    played = run_copies(study, [(sample.kind, sample.of_length(10, 0))], slots, tmp_path, lambda _: None)
    assert played is not None
    (copy,) = played.copies
    assert (copy.reason, copy.reports) == ("crashed", ())
    assert reason_of(copy).endswith("nothing in {run_dir}")
