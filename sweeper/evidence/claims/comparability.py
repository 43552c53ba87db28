"""Whether the runs that a claim compares ran under the same conditions.

Notes beside a verdict, and never part of its p-values: what differs within pairs may explain a difference, or nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping

from sweeper.evidence.claims.evidence import Evidence
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.conditions import Condition, Conditions, Facts
from sweeper.evidence.data.units import INTERACTION, Unit
from sweeper.evidence.formatting import clean, count

Group = tuple[Cell, ...]
Known = Mapping[Condition, tuple[str, ...]]  # of the runs of a cell, exact repeats one after another


def comparability_notes(
    found: Evidence, conditions: Conditions, metric: str, *, by_length: bool = True
) -> tuple[str, ...]:
    """Return one note for each condition that differs within pairs, in the order of `Condition`.

    Args:
        by_length: whether runs should have been evaluated alike, as those of one length.
    """
    if not conditions.common:
        return ()
    units = {unit_key(unit): unit for part in found.parts for unit in part.comparison.complete}
    cells = {cell.identity: cell for unit in units.values() for cell, _ in unit.terms}
    facts = {key: _facts(cell, conditions, metric) for key, cell in cells.items()}
    notes = []
    for condition in Condition if by_length else [each for each in Condition if each is not Condition.EVALUATIONS]:
        differing = [unit for unit in units.values() if _differs(unit, condition, facts)]
        if differing:
            runs = Counter(value for each in facts.values() for value in each.get(condition, ()))
            listed = ", ".join(f"{clean(value)} ({count(number, 'run')})" for value, number in runs.most_common())
            notes.append(f"Runs differ in {condition.value}{_within(differing, list(units.values()))}: {listed}.")
    return tuple(notes)


def unit_key(unit: Unit) -> Hashable:
    """Return what identifies the cells of a unit, whichever part of a claim it belongs to."""
    return frozenset(cell.identity for cell, _ in unit.terms)


def _within(differing: list[Unit], units: list[Unit]) -> str:
    if any(len(unit.terms) > INTERACTION for unit in units):
        return ""
    return f" within {len(differing)} of {count(len(units), 'pair')}"


def _facts(cell: Cell, conditions: Conditions, metric: str) -> Known:
    found: dict[Condition, list[str]] = defaultdict(list)
    for trial in cell.trial_ids:
        known: Facts = conditions.of(trial, metric)
        for condition, value in known.items():
            found[condition].append(value)
    return {condition: tuple(values) for condition, values in found.items()}


def _differs(unit: Unit, condition: Condition, facts: Mapping[tuple[object, ...], Known]) -> bool:
    return any(
        len({frozenset(value) for cell in group if (value := facts[cell.identity].get(condition))}) > 1
        for group in _groups(unit, condition)
    )


def _groups(unit: Unit, condition: Condition) -> Iterator[Group]:
    """Yield the cells of a unit that are compared directly.

    Runs at another budget are evaluated differently by design, so that those are compared only within a budget.
    """
    if condition is not Condition.EVALUATIONS:
        yield tuple(cell for cell, _ in unit.terms)
        return
    groups: dict[Hashable, list[Cell]] = defaultdict(list)
    for cell, _ in unit.terms:
        groups[cell.block].append(cell)
    yield from map(tuple, groups.values())
