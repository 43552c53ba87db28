"""Checks of strata and of arms: configurations with names."""

from sweeper.designs.levels import Level, level_key, same_level
from sweeper.spec.checks.designs import check_levels
from sweeper.spec.checks.known_configurations import compared, levels_in, matching, with_baselines
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.names import levels_text, row_text, unknown
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown


def check_strata(sections: Sections, errors: ErrorCollector) -> None:
    """Report strata that are no factors, or that divide nothing."""
    given = sections.data.get("strata")
    names = given if isinstance(given, list) else []
    for index, name in enumerate(names):
        if isinstance(name, str) and (fault := _stratum_fault(sections, name, names[:index])):
            errors.add(("strata", index), fault)


def _stratum_fault(sections: Sections, name: str, earlier: list[object]) -> str:
    if name not in sections.factor_names:
        return unknown(name, "factor", sections.factor_names)
    if name in earlier:
        return f"{shown(name)} is a duplicate. Name each factor once."
    if name not in sections.factors:
        return ""
    known = [levels_in(sections, phase, name) for phase in sections.phases.values()]
    if any(levels is None for levels in known):
        return f"{shown(name)} has a range, so it has no levels to tell results apart by. Give it levels."
    keys = {level_key(level): level for levels in known for level in levels or ()}
    if len(keys) == 1:
        return f"{shown(name)} is {levels_text(keys.values())} in all phases, so it divides nothing. Remove it."
    return ""


def check_arms(sections: Sections, errors: ErrorCollector) -> None:
    """Report arms whose names or levels are those of others, and arms that cannot be run or are not."""
    seen: dict[str, str] = {}
    by_levels: dict[str, str] = {}
    for name, levels in sections.arms.items():
        here: KeyPath = ("arms", name)
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            errors.add(here, f"{shown(name)} differs from the arm {first} only in case. Rename one.", at_key=True)
        elif name in sections.factor_names:
            errors.add(here, f"{shown(name)} is also the name of a factor. Rename the arm.", at_key=True)
        check_levels(sections, _unknown_everywhere(sections, levels), here, errors)
        if errors.blames(here) or len(sections.factors) < len(sections.factor_names):
            continue
        changed = {
            factor: level
            for factor, level in levels.items()
            if not same_level(level, sections.factors[factor].baseline)
        }
        same = by_levels.setdefault(level_key(changed), name)
        if same != name:
            errors.add(here, f"has the same levels as the arm {same}. Give each configuration one name.", at_key=True)
        elif not _may_run(sections, levels):
            errors.add(
                here,
                f"no phase has a configuration with {row_text(levels)} and everything else at the baseline. "
                "Use levels that run together in a phase, or add a phase with them, e.g. {list: [...]}.",
                at_key=True,
            )


def _unknown_everywhere(sections: Sections, levels: dict[str, Level]) -> dict[str, Level]:
    """Return the levels that no phase gives a factor of its own."""
    forms = sections.phases.values()
    return {
        name: level
        for name, level in levels.items()
        if name not in sections.factors or not any(phase.adapt(sections.factors[name]).allows(level) for phase in forms)
    }


def _may_run(sections: Sections, levels: dict[str, Level]) -> bool:
    """Return whether a phase has a configuration, or may draw it."""
    for phase in sections.phases.values():
        rows = compared(sections, phase)
        if rows is None or next(matching(rows, with_baselines(sections, phase, levels)), None) is not None:
            return True
    return not sections.phases
