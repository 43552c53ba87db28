"""From the claims of a study file to typed claims."""

from sweeper.designs.factor import Factors, canonical_row
from sweeper.designs.levels import Level
from sweeper.spec.arm_names import Arms
from sweeper.spec.arms import with_levels
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
    Statement,
    Trend,
)
from sweeper.spec.entries.claims import (
    ArmContrastEntry,
    ArmEntry,
    ArmInteractionEntry,
    ArmTrendEntry,
    ClaimEntry,
    ConstantEntry,
    ContrastEntry,
    DivergenceEntry,
    InteractionEntry,
    LevelsEntry,
    OrderingEntry,
    OtherFactorEntry,
    OtherPhasesEntry,
    StatementEntry,
    TrendEntry,
)
from sweeper.spec.metric import Metric


def claim_of(entry: ClaimEntry, metric: Metric, factors: Factors, arms: Arms) -> Claim:
    """Return a claim without mistakes of its own; levels of factors with mistakes, which are missing, stay as written.

    Args:
        metric: what it is about.
        arms: the study's, by name.
    """
    (form,) = entry.forms
    return Claim(
        id=entry.id,
        text=entry.text,
        metric=metric,
        form=form,
        statement=_statement(with_levels(entry.statement, arms), factors),
        expect=entry.expect,
        at_least=entry.at_least,
        within=entry.within,
        at=entry.at,
    )


def _statement(entry: StatementEntry, factors: Factors) -> Statement:  # noqa: PLR0911 - a case per statement
    match entry:
        case DivergenceEntry():
            contrast = _contrast(entry, factors)
            return Divergence(
                phase=contrast.phase,
                factor=contrast.factor,
                start=contrast.start,
                to=contrast.to,
                where=contrast.where,
            )
        case ContrastEntry():
            return _contrast(entry, factors)
        case ArmInteractionEntry():
            assert isinstance(entry.other, ArmContrastEntry)
            return ArmInteraction(first=_arms(entry, factors), second=_arms(entry.other, factors))
        case ArmContrastEntry():
            return _arms(entry, factors)
        case ConstantEntry():
            return Constant(arm=_arm(entry, factors), value=entry.value)
        case InteractionEntry():
            return _interaction(entry, factors)
        case TrendEntry() | ArmTrendEntry():
            return _trend(entry, factors)
        case OrderingEntry():
            among, order = tuple(entry.among or ()), tuple(entry.order or ())
            levels = canonical_row(entry.levels, factors)
            return Ordering(phase=entry.phase, largest=entry.largest, among=among, order=order, levels=levels)


def _contrast(entry: ContrastEntry, factors: Factors) -> Contrast:
    start, to = _ends(entry, factors)
    where = canonical_row(entry.where, factors)
    return Contrast(phase=entry.phase, factor=entry.factor, start=start, to=to, where=where)


def _ends(
    entry: ContrastEntry | InteractionEntry | OtherFactorEntry | TrendEntry, factors: Factors
) -> tuple[Level, Level]:
    start, to = (canonical_row({entry.factor: level}, factors)[entry.factor] for level in (entry.start, entry.to))
    return start, to


def _interaction(entry: InteractionEntry, factors: Factors) -> Interaction | PhaseInteraction:
    other = entry.other
    start, to = _ends(entry, factors)
    if isinstance(other, OtherPhasesEntry):
        first, second = other.phases
        return PhaseInteraction(phases=(first, second), factor=entry.factor, start=start, to=to)
    assert entry.phase is not None
    other_start, other_to = _ends(other, factors)
    return Interaction(
        phase=entry.phase,
        factor=entry.factor,
        start=start,
        to=to,
        other=other.factor,
        other_start=other_start,
        other_to=other_to,
    )


def _trend(entry: TrendEntry | ArmTrendEntry, factors: Factors) -> Trend:
    phases = tuple(entry.phases) if entry.phases is not None else (entry.phase or "",)
    where = canonical_row(entry.where, factors)
    if isinstance(entry, TrendEntry):
        start, to = _ends(entry, factors)
        return Trend(phases=phases, over=entry.over, factor=entry.factor, start=start, to=to, where=where)
    assert isinstance(entry.start, LevelsEntry)
    assert isinstance(entry.to, LevelsEntry)
    ends = [canonical_row(end.levels, factors) for end in (entry.start, entry.to)]
    return Trend(phases=phases, over=entry.over, start=ends[0], to=ends[1], where=where)


def _arms(entry: ArmContrastEntry | ArmInteractionEntry, factors: Factors) -> ArmContrast:
    assert isinstance(entry.start, ArmEntry)
    assert isinstance(entry.to, ArmEntry)
    return ArmContrast(start=_arm(entry.start, factors), to=_arm(entry.to, factors))


def _arm(entry: ArmEntry | ConstantEntry, factors: Factors) -> Arm:
    return Arm(phase=entry.phase, levels=canonical_row(entry.levels, factors))
