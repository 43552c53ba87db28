"""From a claim's statement to the evidence on it: what is compared, and on which runs."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from sweeper.designs.levels import level_key
from sweeper.evidence.claims.arm_wording import arm_text, arms_interaction_text, arms_text, level_name
from sweeper.evidence.claims.divergences import divergence_part
from sweeper.evidence.claims.evidence import (
    Evidence,
    Part,
    Region,
    Untestable,
    region_of,
    require,
    require_levels,
    rise,
)
from sweeper.evidence.claims.fractions import fraction_contrast, fraction_interaction
from sweeper.evidence.claims.gains import gain_parts
from sweeper.evidence.claims.margins import with_margin_error
from sweeper.evidence.claims.parts import cells_of, part_of, phase_of
from sweeper.evidence.claims.trends import trend_evidence
from sweeper.evidence.claims.unpaired import Change, remedy, unpaired
from sweeper.evidence.claims.wording import change_text
from sweeper.evidence.data.arm_lengths import STRATUM
from sweeper.evidence.data.cells import Cell, level_text
from sweeper.evidence.data.comparison import (
    Comparison,
    matching,
    paired_by_factor,
    paired_by_seed,
    single_arm,
)
from sweeper.evidence.data.differences import minus
from sweeper.evidence.data.repeats import no_replicates
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.effects.two_level_designs import FRACTIONS
from sweeper.evidence.formatting import listed
from sweeper.spec.claim import (
    Arm,
    ArmContrast,
    ArmInteraction,
    Claim,
    Constant,
    Contrast,
    Divergence,
    Interaction,
    Ordering,
    PhaseInteraction,
    Trend,
)


def gather(claim: Claim, runs: Runs) -> Evidence:
    """Return what the runs show on a claim.

    Raises:
        Untestable: they have nothing of a phase or configuration that the claim names; the message says which.
    """
    found = _gathered(claim, runs)
    if not runs.lengths:
        return found
    return Evidence(tuple(replace(part, label=f"{part.label}, {STRATUM}") for part in found.parts))


def _gathered(claim: Claim, runs: Runs) -> Evidence:
    match claim.statement:
        case Ordering() as statement:
            return _ordering(claim, statement, runs)
        case Contrast() as statement:
            part = _contrast(statement, runs)
        case ArmContrast() as statement:
            part = _arm_contrast(statement, runs)
        case Constant() as statement:
            part = _constant(statement, runs)
        case Interaction() as statement:
            part = _interaction(statement, runs)
        case PhaseInteraction() as statement:
            part = _phase_interaction(statement, runs)
        case ArmInteraction() as statement:
            part = _arm_interaction(statement, runs)
        case Divergence() as statement:
            return _divergence(claim, statement, runs)
        case Trend() as statement:
            return trend_evidence(claim, statement, runs)
    return _placed(claim, runs, part)


def without_seed(claim: Claim, found: Evidence, runs: Runs, seed: int) -> Evidence | None:
    """Return what all runs but those of a seed show on a claim, by the pairs that are known.

    None where they could be other pairs: of chosen levels or lengths, of a fitted design, or of seeds that have not the
    same runs.

    Args:
        found: by all runs.
        runs: all of them.
    """
    part = found.parts[0]
    is_chosen = isinstance(claim.statement, Ordering | Trend) or bool(runs.lengths)
    if is_chosen or len(found.parts) > 1 or part.exact is not None:
        return None
    if not (isinstance(claim.statement, Contrast | Constant) or part.comparison.is_balanced):
        return None
    comparison = part.comparison.without_seed(seed)
    if comparison is None or not comparison.units:
        return None
    again = replace(part_of(runs, part.label, comparison), offset=part.offset)
    if isinstance(claim.statement, Constant):
        again = replace(again, mean_from=part.mean_from)
    return _placed(claim, runs, again)


def _placed(claim: Claim, runs: Runs, part: Part) -> Evidence:
    """Return the evidence of one part, with the region in which the claim puts its effect."""
    placed = replace(part, region=region_of(claim, runs.measure, part.mean_from))
    return Evidence((with_margin_error(placed, claim, runs.measure),))


def _contrast(statement: Contrast, runs: Runs) -> Part:
    """Return the effect of a factor from one level to another in one phase, all else equal."""
    phase = phase_of(runs, statement.phase)
    where = {factor: level_key(level) for factor, level in statement.where.items()}
    change = _change(statement)
    words = change_text(statement.factor, statement.start, statement.to)
    label = f"{words} in {statement.phase}"
    comparison = paired_by_factor(matching(phase.cells, where), change, phase.pool)
    if comparison.units:
        return part_of(runs, label, comparison)
    for each in (change, *((factor, key, key) for factor, key in where.items())):
        require_levels(phase, each)
    _require_alone(runs, phase, change)
    found = fraction_contrast(runs, phase, change) if not where else None
    if found is None:
        raise Untestable(unpaired(runs, phase, change, where).text)
    return replace(_truly_unpaired(found, runs, phase, change), label=label)


def _truly_unpaired(found: Part, runs: Runs, phase: PhaseRuns, change: Change) -> Part:
    """Return a fitted effect; if it decides nothing and its seeds have not the same runs, with that as the reason."""
    arms: dict[int, set[str]] = {}
    for cell in phase.cells:
        arms.setdefault(cell.seed, set()).add(cell.arm)
    is_crossed = len({frozenset(each) for each in arms.values()}) == 1
    terms = found.comparison.units[0].terms
    if found.estimate.decides or is_crossed or phase.design in FRACTIONS or no_replicates(phase.pool, terms):
        return found
    return replace(found, estimate=replace(found.estimate, method=unpaired(runs, phase, change).text))


def _arm_contrast(statement: ArmContrast, runs: Runs) -> Part:
    """Return the difference between two configurations, of one phase or of two, paired by seed."""
    pool = phase_of(runs, statement.start.phase).pool.joined(phase_of(runs, statement.to.phase).pool)
    label = arms_text(statement, runs.arm_names)
    return part_of(runs, label, paired_by_seed(cells_of(runs, statement.start), cells_of(runs, statement.to), pool))


def _constant(statement: Constant, runs: Runs) -> Part:
    arm, value = statement.arm, float(statement.value)
    phase, found = phase_of(runs, arm.phase), cells_of(runs, arm)
    _require_one_block(phase, arm, found, runs)
    part = part_of(runs, f"{arm_text(arm, runs.arm_names)} against {value:g}", single_arm(found, phase.pool))
    return replace(part, offset=runs.measure.on_scale(value), mean_from=value)


def _divergence(claim: Claim, statement: Divergence, runs: Runs) -> Evidence:
    where = {factor: level_key(level) for factor, level in statement.where.items()}
    label = f"{change_text(statement.factor, statement.start, statement.to)} in {statement.phase}"
    phase, fewer = phase_of(runs, statement.phase), claim.expect == "decrease"
    for each in (_change(statement), *((factor, key, key) for factor, key in where.items())):
        require_levels(phase, each)
    if not paired_by_factor(matching(phase.cells, where), _change(statement), phase.pool).units:
        raise Untestable(unpaired(runs, phase, _change(statement), where).text)
    return Evidence((divergence_part(phase, _change(statement), where, label, fewer=fewer),))


def _interaction(statement: Interaction, runs: Runs) -> Part:
    """Return the effect of a factor at one level of another, minus that at another level."""
    phase, change = phase_of(runs, statement.phase), _change(statement)
    other: Change = (statement.other, level_key(statement.other_start), level_key(statement.other_to))
    levels = f"{level_name(statement.other_to)} minus at {level_name(statement.other_start)}"
    label = f"{change_text(statement.factor, statement.start, statement.to)}, at {statement.other} {levels}"
    first, second = (_at_level(phase, change, statement.other, key) for key in other[1:])
    if first.units and second.units:
        return part_of(runs, label, minus(second, first))
    for each in (change, other):
        require_levels(phase, each)
        _require_alone(runs, phase, each)
    found = fraction_interaction(runs, phase, change, other)
    combined = f"all four combinations of {statement.factor} and {statement.other}"
    require(found is not None, f"phase {statement.phase} does not have {combined}")
    assert found is not None
    return replace(found, label=label)


def _phase_interaction(statement: PhaseInteraction, runs: Runs) -> Part:
    """Return the effect of a factor in one phase minus that in another, such as a shorter one."""
    phases, change = [phase_of(runs, name) for name in statement.phases], _change(statement)
    early, late = (paired_by_factor(phase.cells, change, phase.pool) for phase in phases)
    words = change_text(statement.factor, statement.start, statement.to)
    return _difference(runs, f"{words}, in {statement.phases[1]} minus in {statement.phases[0]}", late, early)


def _arm_interaction(statement: ArmInteraction, runs: Runs) -> Part:
    first, second = _arm_contrast(statement.first, runs), _arm_contrast(statement.second, runs)
    label = arms_interaction_text(statement.first, statement.second, runs.arm_names)
    return _difference(runs, label, second.comparison, first.comparison)


def _ordering(claim: Claim, statement: Ordering, runs: Runs) -> Evidence:
    names = statement.order
    largest = statement.largest or ""
    pairs = list(pairwise(names)) or [(largest, other) for other in statement.among if other != largest]
    declared = {factor: level_key(level) for factor, level in statement.levels.items()}
    parts = gain_parts(runs, phase_of(runs, statement.phase), pairs, declared)
    leads = [rise(claim.at_least, runs.measure, part.mean_from) for part in parts]
    placed = [replace(part, region=Region(low=lead)) for part, lead in zip(parts, leads, strict=True)]
    return Evidence(tuple(with_margin_error(part, claim, runs.measure) for part in placed))


def _require_one_block(phase: PhaseRuns, arm: Arm, found: Sequence[Cell], runs: Runs) -> None:
    """Refuse to compare one figure with several blocks: their mean is that of none of them."""
    for factor in phase.blocks:
        levels = list(dict.fromkeys(cell.levels[factor] for cell in found))
        named = ", ".join(level_text(level) for level in levels)
        text = arm_text(arm, runs.arm_names)
        require(len(levels) == 1, f"{text} covers the blocks {factor} = {named}; name one of them in `levels`")


def _require_alone(runs: Runs, phase: PhaseRuns, change: Change) -> None:
    """Refuse a change with which another factor always changes: nothing shows which of them has the effect."""
    factor, start, end = change
    sides = [matching(phase.cells, {factor: key}) for key in (start, end)]
    if factor in runs.factors and all(sides):
        tied = [name for name in sides[0][0].levels if name != factor and _is_split(sides, name)]
        instead = remedy(runs, phase, factor, tied)
        words = f"factor {factor} changes only together with {listed(tied)}"
        require(not tied, f"{words}, so nothing shows which has the effect; {instead}")
        follows = runs.is_frame and _follows(phase.cells, factor)
        others = listed([name for name in sides[0][0].levels if name != factor])
        require(
            not follows, f"the levels of {others} determine {factor}, so nothing shows which has the effect; {instead}"
        )


def _follows(cells: Sequence[Cell], factor: str) -> bool:
    """Return whether the main effect of a factor is a sum of main effects of others."""
    arms = list({cell.arm: cell.levels for cell in cells if cell.is_measured}.values())
    others = [(name, key) for name in arms[0] if name != factor for key in {arm[name] for arm in arms}] if arms else []
    columns = [[1.0] * len(arms), *([float(arm[name] == key) for arm in arms] for name, key in others)]
    own = [[float(arm[factor] == key) for arm in arms] for key in {arm[factor] for arm in arms}]
    ranks = [int(np.linalg.matrix_rank(np.array(each))) for each in (columns, [*columns, *own])] if arms else [0, 1]
    return ranks[0] == ranks[1]


def _is_split(sides: Sequence[Sequence[Cell]], factor: str) -> bool:
    """Return whether no level of a factor is on both sides."""
    first, second = ({cell.levels[factor] for cell in side} for side in sides)
    return first.isdisjoint(second)


def _change(statement: Contrast | Divergence | Interaction | PhaseInteraction) -> Change:
    return statement.factor, level_key(statement.start), level_key(statement.to)


def _at_level(phase: PhaseRuns, change: Change, other: str, key: str) -> Comparison:
    """Return the effect of a change where another factor has one level; its units match those at another level."""
    chosen = matching(phase.cells, {other: key})
    return paired_by_factor(chosen, change, phase.pool, unless=(other,))


def _difference(runs: Runs, label: str, first: Comparison, second: Comparison) -> Part:
    require(bool(first.units and second.units), "the study does not have the trials that it compares")
    return part_of(runs, label, minus(first, second))
