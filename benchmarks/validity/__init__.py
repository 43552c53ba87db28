"""Whether verdicts are true: studies with planted truth through the product's own pipeline.

Each case draws studies whose truth is known, has the product judge them, and counts how often intervals hold the truth
and how often something untrue is called shown. The table is in docs/statistics.md.
"""

import os
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from benchmarks.figures import Figures
from benchmarks.options import Options
from benchmarks.results import say
from benchmarks.validity.cases import QUICK_STUDIES, Case, Row, rows_of

SEED = 14
STUDIES_PER_TASK = 100


def all_cases() -> list[tuple[str, Case]]:
    """Every case with the part of the table that it is in."""
    from benchmarks.validity.bootstraps import bootstrap_cases  # noqa: PLC0415 - what a worker loads when it starts
    from benchmarks.validity.designs import design_cases  # noqa: PLC0415 - as above
    from benchmarks.validity.fragility import fragility  # noqa: PLC0415 - as above
    from benchmarks.validity.frames import frame_cases  # noqa: PLC0415 - as above
    from benchmarks.validity.lengths import length_cases  # noqa: PLC0415 - as above
    from benchmarks.validity.promises import promises  # noqa: PLC0415 - as above
    from benchmarks.validity.troubles import troubles  # noqa: PLC0415 - as above

    parts = {
        "model": promises(),
        "trouble": [*troubles(), *frame_cases(), *design_cases(), *length_cases()],
        "fragile": fragility(),
        "bootstrap": bootstrap_cases(),
    }
    return [(part, case) for part, cases in parts.items() for case in cases]


def measure(options: Options) -> Figures:
    """The rates of all cases, beside their targets."""
    tasks = [
        (place, first, min(STUDIES_PER_TASK, studies - first))
        for place, (_, case) in enumerate(all_cases())
        for studies in [QUICK_STUDIES if options.quick else case.studies]
        for first in range(0, studies, STUDIES_PER_TASK)
    ]
    sums: dict[int, dict[str, list[float]]] = {}
    # Matrices are tiny: threads of one process would only wait for each other.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn")) as pool:
        for number, (task, found) in enumerate(zip(tasks, pool.map(play, tasks), strict=True), 1):
            _add(sums.setdefault(task[0], {}), found)
            if number == len(tasks) or tasks[number][0] != task[0]:
                say(f"validity: {number} of {len(tasks)}: {all_cases()[task[0]][1].name}")
    return {
        "rows": [
            _figures(part, row) for place, (part, case) in enumerate(all_cases()) for row in rows_of(case, sums[place])
        ]
    }


def play(task: tuple[int, int, int]) -> Mapping[str, Sequence[float]]:
    """Some studies of one case: a case by its place, the first study, how many."""
    place, first, studies = task
    case = all_cases()[place][1]
    return case.tally(np.random.default_rng([SEED, zlib.crc32(case.name.encode()), first]), studies)


def _add(sums: dict[str, list[float]], found: Mapping[str, Sequence[float]]) -> None:
    for name, amounts in found.items():
        before = sums.get(name, [0.0, 0.0, 0.0])
        sums[name] = [one + two for one, two in zip(before, amounts, strict=True)]


def _figures(part: str, row: Row) -> Figures:
    return {
        "part": part,
        "case": row.case,
        "quantity": row.quantity,
        "rate": row.rate,
        "error": row.error,
        "studies": row.studies,
        "target": str(row.target),
        "met": row.met,
    }
