"""Checks of seeds: duplicates, and seeds that are added until the claims are decided."""

from collections.abc import Iterator, Mapping

from sweeper.designs.kinds import PromoteDesign, SamplerDesign, is_fixed
from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.entries.phases import PhaseEntry
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.names import listed
from sweeper.spec.phase import AdaptiveSeeds, Phase
from sweeper.spec.sections import Sections
from trainer.config.wording import shown


def check_seeds(sections: Sections, errors: ErrorCollector) -> None:
    """Report mistakes in the seeds of phases."""
    for index, entry in sections.phase_entries.items():
        phase = sections.phases[index]
        for number, message in _duplicates(entry):
            errors.add(("phases", index, "seeds", number), message)
        if phase.adaptive is not None:
            for where, message in _faults(sections, phase, phase.adaptive):
                errors.add(("phases", index, "seeds", *where), message)
    adaptive = {phase.name: phase for phase in sections.phases.values() if phase.adaptive is not None}
    _check_promoted(sections, adaptive, errors)
    _check_claims(sections, adaptive, errors)


def _duplicates(entry: PhaseEntry) -> Iterator[tuple[int, str]]:
    if isinstance(entry.seeds, list):
        for number, seed in enumerate(entry.seeds):
            if seed in entry.seeds[:number]:
                yield number, f"{seed} is a duplicate seed. Keep one; use `repeats` for exact repeats."


def _faults(sections: Sections, phase: Phase, seeds: AdaptiveSeeds) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(phase.design, SamplerDesign):
        yield (
            (),
            "a sampler draws a configuration once, so there is none to give further seeds. Use a number of seeds here, "
            "and promote the best trials to a phase with more: {promote: PHASE, top: 4}.",
        )
    elif isinstance(phase.design, PromoteDesign):
        yield (
            (),
            "the configurations of a promotion are known only once an earlier phase has ended, so claims cannot "
            "request seeds of them. Use a number of seeds, e.g. 3.",
        )
    if seeds.most is None and not _has_cap(sections):
        yield (
            ("most",),
            "without a maximum, a claim without an effect requests seeds without end. Use a number, e.g. 12, or cap "
            "the study: budget: {device_hours: 2}.",
        )
    elif seeds.most is not None and seeds.most <= seeds.first:
        yield (
            ("most",),
            f"`most > first` must hold, so that there are two looks or more, but most = {seeds.most} and "
            f"first = {seeds.first}. Raise most, or use a number of seeds: {seeds.first}.",
        )
    if not is_fixed(phase.design):
        return
    named = [_phases_of(claim.statement.model_dump()) for claim in _claims(sections)]
    mistaken = any(name not in sections.phase_names for names in named for name in names)
    if not mistaken and not any(phase.name in names for names in named):
        yield (
            (),
            f"no claim is about phase {phase.name}, so nothing would request more than {seeds.first} seeds. Use a "
            "number of seeds, or add a claim.",
        )


def _check_promoted(sections: Sections, adaptive: Mapping[str, Phase], errors: ErrorCollector) -> None:
    for index, phase in sections.phases.items():
        if isinstance(phase.design, PromoteDesign) and phase.design.phase in adaptive:
            errors.add(
                ("phases", index, "design", "promote"),
                f"{shown(phase.design.phase)} adds seeds until its claims are decided, so its configurations have "
                "different numbers of seeds, and the best of them are not known until the study ends. Use a number of "
                "seeds there, or list the configurations here.",
            )


def _check_claims(sections: Sections, adaptive: Mapping[str, Phase], errors: ErrorCollector) -> None:
    """Report claims that compare a phase that gets further seeds with one whose seeds are fixed, or that diverge."""
    names = {phase.name for phase in sections.phases.values()}
    for index, claim in sections.claim_entries.items():
        if len(claim.forms) != 1:
            continue
        form = claim.forms[0]
        used = [name for name in _phases_of(claim.statement.model_dump()) if name in names]
        grown, fixed = [name for name in used if name in adaptive], [name for name in used if name not in adaptive]
        if grown and form == "divergence":
            errors.add(
                ("claims", index, form),
                f"how often runs diverge is tested once, so the claim cannot be looked at after each seed of phase "
                f"{grown[0]}. Use a number of seeds there.",
            )
        elif grown and fixed:
            errors.add(
                ("claims", index, form),
                f"compares phase {grown[0]}, which gets seeds until claims are decided, with {listed(fixed)}, whose "
                "seeds are fixed, so further seeds would have no partner. Use the same {first, most} in both.",
            )
        elif len({adaptive[name].adaptive for name in grown}) > 1:
            errors.add(
                ("claims", index, form),
                f"compares phases with different seeds, {listed(grown)}. Use the same {{first, most}} in both.",
            )


def _claims(sections: Sections) -> Iterator[ClaimEntry]:
    return (claim for claim in sections.claim_entries.values() if len(claim.forms) == 1)


def _has_cap(sections: Sections) -> bool:
    budget = sections.data.get("budget")
    return isinstance(budget, Mapping) and budget.get("device_hours") is not None


def _phases_of(statement: object) -> list[str]:
    """Return the phases that a statement names, without duplicates."""
    found: dict[str, None] = {}
    if isinstance(statement, Mapping):
        for key, value in statement.items():
            if key == "phase" and isinstance(value, str):
                found[value] = None
            elif key == "phases" and isinstance(value, list):
                found.update(dict.fromkeys(name for name in value if isinstance(name, str)))
            else:
                found.update(dict.fromkeys(_phases_of(value)))
    return list(found)
