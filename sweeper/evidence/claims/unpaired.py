"""Why no two runs are a pair: those of a pair share the seed and all factors but the one that is compared.

A column that is no setting, such as the machine, or seeds that belong to one level each, leave no pair at all. The
reason names what splits the runs, and what to do.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.evidence.data.cells import Cell, level_text
from sweeper.evidence.data.comparison import matching, paired_by_factor
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.formatting import listed, listed_some

Change = tuple[str, str, str]  # a factor and the keys of two of its levels, from and to
MOST_NAMED: Final = 4


@dataclass(frozen=True, slots=True)
class Unpaired:
    """Why there is no pair, and what to do."""

    reason: str
    remedy: str

    @property
    def text(self) -> str:
        """Both."""
        return f"{self.reason}; {self.remedy}"


def unpaired(runs: Runs, phase: PhaseRuns, change: Change, where: Mapping[str, str] | None = None) -> Unpaired:
    """Return why no two runs of a phase are a pair for a change.

    Args:
        where: the levels of other factors to which the claim is limited.
    """
    factor, start, to = change
    limits = dict(where or {})
    low, high = (matching(phase.cells, {**limits, factor: key}) for key in (start, to))
    at = f" where {' and '.join(f'{name} = {level_text(key)}' for name, key in limits.items())}" if limits else ""
    levels = f"from {level_text(start)} to {level_text(to)}"
    what = f"no two trials of phase {phase.name} share their seed and differ only in {factor}, {levels}{at}"
    if limits and paired_by_factor(phase.cells, change, phase.pool).units:
        return Unpaired(f"{what}, though others do", "leave out where, or name other levels in it")
    shared = {cell.seed for cell in low} & {cell.seed for cell in high}
    if low and high and not shared:
        ends = ((start, low), (to, high))
        seeds = " and ".join(f"those with {level_text(key)} have {_seeds(runs, side)}" for key, side in ends)
        return Unpaired(f"{what}: {seeds}", "give runs that belong together the same seed")
    always, sometimes = _splitting(low, high, factor)
    if not sometimes:
        return Unpaired(what, remedy(runs, phase, factor, ()))
    too = f"those with the same seed differ in {listed_some(always or sometimes)} too"
    return Unpaired(f"{what}: {too}", remedy(runs, phase, factor, always))


def remedy(runs: Runs, phase: PhaseRuns, factor: str, others: Sequence[str]) -> str:
    """Return what to do where a factor changes only together with others."""
    add = f"add runs in which {factor} changes on its own"
    if not others or not (runs.is_frame or runs.is_imported):
        return add
    if len(others) > MOST_NAMED:
        option = "factors=[...]" if runs.is_frame else "--factors"
        return f"leave out what is no setting by {option}, e.g. {others[0]}, or {add}"
    kept = [name for name in runs.factors if name not in others and name not in phase.blocks]
    which = f"{listed(others)} {'is no setting' if len(others) == 1 else 'are no settings'}"
    how = f"judge with factors={kept!r}" if runs.is_frame else f"import the runs again with --factors {','.join(kept)}"
    strata = " and without these strata" if set(others) & set(phase.blocks) else ""
    return f"if {which}, {how}{strata}; else {add}"


def _splitting(low: Sequence[Cell], high: Sequence[Cell], factor: str) -> tuple[list[str], list[str]]:
    """Return the factors in which all runs with the same seed differ, and those in which some do."""
    by_seed: dict[int, list[Cell]] = {}
    for cell in low:
        by_seed.setdefault(cell.seed, []).append(cell)
    counts: Counter[str] = Counter()
    pairs = 0
    for cell in high:
        for partner in by_seed.get(cell.seed, ()):
            pairs += 1
            counts.update(name for name, key in cell.levels.items() if name != factor and partner.levels[name] != key)
    differing = [name for name in (low[0].levels if low else ()) if counts[name]]
    return [name for name in differing if counts[name] == pairs], differing


def _seeds(runs: Runs, cells: Sequence[Cell]) -> str:
    names = [runs.seed_names.get(seed, str(seed)) for seed in sorted({cell.seed for cell in cells})]
    return f"the seed {names[0]}" if len(names) == 1 else f"the seeds {listed_some(names)}"
