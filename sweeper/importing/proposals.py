"""Claims for runs that exist: each level of a factor against its baseline, with the better direction.

They are proposed without a look at the values. But the runs were there before the claims, so verdicts on them are
exploratory all the same.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sweeper.designs.levels import level_key
from sweeper.importing.arguments import by
from sweeper.importing.arranged import Arranged
from sweeper.importing.naming import safe_name
from sweeper.importing.phases import ImportedPhase
from sweeper.spec.names import level_text, levels_text, listed

MOST_LEVELS: Final = 6
MOST_CLAIMS: Final = 40

Claim = dict[str, object]


def proposed_claims(found: Arranged, phases: Sequence[ImportedPhase]) -> tuple[list[Claim], list[str]]:
    """Return claims in the form of a study file, and notes on factors that have none."""
    claims: list[Claim] = []
    notes: list[str] = []
    for phase in phases:
        if phase.kind == "sampler":
            notes.append(
                f"{found.source.path}: the runs of phase {phase.name} are a search, whose configurations differ in "
                "everything at once, so no claims are proposed. The report has its best runs and the importance of "
                "factors."
            )
            continue
        many = [factor for factor in phase.varied if len(_levels(phase, factor)) > MOST_LEVELS]
        if many:
            notes.append(
                f"{found.source.path}: {', '.join(many)} {'has' if len(many) == 1 else 'have'} more than {MOST_LEVELS} "
                f"levels in {phase.name}, so no claims are proposed. Write the ones you mean."
            )
        for factor in phase.varied:
            if factor not in many:
                proposed = list(_of_factor(found, phase, factor, several=len(phases) > 1))
                claims += proposed
                notes += _without_claim(found, phase, factor, proposed)
    if len(claims) > MOST_CLAIMS:
        notes.append(f"{len(claims)} claims are possible; the first {MOST_CLAIMS} are proposed.")
    return _with_own_ids(claims[:MOST_CLAIMS]), notes


def _levels(phase: ImportedPhase, factor: str) -> list[str]:
    position = phase.varied.index(factor)
    return list(dict.fromkeys(key[position] for key in phase.configurations))


def _of_factor(found: Arranged, phase: ImportedPhase, name: str, *, several: bool) -> Iterator[Claim]:
    """Yield a claim for each level of a factor that has a configuration which differs from the baseline in it alone."""
    factor, position = found.known.factors[name], phase.varied.index(name)
    levels, known = _levels(phase, name), set(phase.configurations)
    start = level_key(factor.baseline) if level_key(factor.baseline) in levels else levels[0]
    for level in levels:
        begun = (key for key in phase.configurations if key[position] == start)
        if level == start or not any((*key[:position], level, *key[position + 1 :]) in known for key in begun):
            continue
        before, after = found.level(name, start), found.level(name, level)
        minimizes = found.metric.minimizes
        text = f"{name} = {level_text(after)} {'lowers' if minimizes else 'raises'} {found.metric.name}"
        where = f" in {phase.name}" if several else ""
        yield {
            "id": safe_name(f"{phase.name}-{name}-{level_text(after)}" if several else f"{name}-{level_text(after)}"),
            "text": f"{text}, compared with {level_text(before)}{where}.",
            "contrast": {"phase": phase.name, "factor": name, "from": before, "to": after},
            "expect": "decrease" if minimizes else "increase",
        }


def _without_claim(found: Arranged, phase: ImportedPhase, name: str, claims: Sequence[Claim]) -> list[str]:
    """Return a note on the levels of a factor without a claim, with the factors that change together with it."""
    position, levels = phase.varied.index(name), _levels(phase, name)
    start = level_key(found.known.factors[name].baseline)
    start = start if start in levels else levels[0]
    claimed = {start, *(level_key(claim["contrast"]["to"]) for claim in claims)}  # type: ignore[index]
    missing = [level for level in levels if level not in claimed]
    if not missing:
        return []
    begun = [key for key in phase.configurations if key[position] == start]
    ended = [key for key in phase.configurations if key[position] in missing]
    others = [
        other
        for place, other in enumerate(phase.varied)
        if other != name and all(one[place] != two[place] for one in begun for two in ended)
    ]
    shown = levels_text([found.level(name, level) for level in missing])
    together = f": {listed(others)} {'changes' if len(others) == 1 else 'change'} with it" if others else ""
    kept = ",".join(found.columns[each] for each in phase.varied if each not in others)
    remedy = f"; if {'that is' if len(others) == 1 else 'those are'} no setting, use {by('factors', kept)}"
    return [
        f"{found.source.path}: no claim on {name} = {shown} in {phase.name}, since no configuration differs from one "
        f"with {level_text(found.level(name, start))} in {name} only{together}. Add runs in which it changes on its "
        f"own{remedy if others else ''}."
    ]


def _with_own_ids(claims: Sequence[Claim]) -> list[Claim]:
    seen: set[str] = set()
    found = []
    for claim in claims:
        base = name = str(claim["id"])[:80]
        number = 2
        while name.casefold() in seen:
            name, number = f"{base}-{number}", number + 1
        seen.add(name.casefold())
        found.append({**claim, "id": name})
    return found
