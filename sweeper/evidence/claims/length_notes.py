"""What a reader must know of the best lengths on which a verdict rests."""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from sweeper.evidence.claims.evidence import Evidence, Part, require
from sweeper.evidence.data.arm_lengths import ArmKey, ArmLengths, Length, length_text
from sweeper.evidence.data.cells import block_text, level_text
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.formatting import budget as budget_text
from sweeper.evidence.formatting import clean, count, grouped, listed, listed_some, metric_name, number, percent

BASELINE: Final = "the baseline"
MOST: Final = 4  # configurations that are named
FEW: Final = 3  # seeds and steps that are named
SINGLE: Final = "Each has one length only, so this is what a comparison at the same length shows."
NOTED: Final = 0.2  # of a standard error, from which on the optimism of a choice is noted


def length_notes(found: Evidence, runs: Runs) -> tuple[str, ...]:
    """Return notes on the best lengths of what a claim compares; none where lengths are those of the phases."""
    arms = named_arms(found.headline, runs)
    if not arms:
        return ()
    shown = [f"{name} {length_text(arm, arm.best)}" for name, arm in arms[:MOST]]
    more = [f"{len(arms) - MOST} more"] if len(arms) > MOST else []
    first = arms[0][1]
    by = "the mean over seeds" if len(first.seeds) > 1 else "one seed"
    return (
        f"Best lengths by {by} of {metric_name(first.chooser.metric.name)}: {listed([*shown, *more])}.",
        *((SINGLE,) if all(len(arm.lengths) == 1 for _, arm in arms) else ()),
        *(text for name, arm in arms[:MOST] for text in _of_arm(name, arm, runs.seed_names)),
    )


def require_lengths(found: Evidence, runs: Runs) -> None:
    """Refuse a comparison of configurations of which the runs have no lengths in common.

    Raises:
        Untestable: most runs of one were evaluated at steps that its others lack.
    """
    for part in found.parts:
        for name, arm in named_arms(part, runs):
            shown = [
                f"{_seeds([seed], runs.seed_names)} after step {', '.join(map(grouped, steps[:FEW]))}"
                f"{', …' if len(steps) > FEW else ''}"
                for seed, steps in sorted(arm.uneven.items())[:FEW]
            ]
            require(
                not shown,
                f"the runs of {name} were evaluated at different steps ({'; '.join(shown)}), so they have no lengths "
                "in common; evaluate all at the same steps, or compare the ends of runs: at: same_length",
            )


def why_left_out(names: Collection[str], runs: Runs) -> str:
    """Return which configurations of some phases have no run at their best lengths; empty if all have some."""
    if runs.unchosen is None:
        return ""
    for phase in (name for name in runs.phases if name in names):
        left = {cell.arm_key for cell in runs.phases[phase].cells}
        for cell in runs.unchosen.phases[phase].cells:
            key = cell.arm_key
            if key in left or key not in runs.lengths:
                continue
            arm = runs.lengths[key]
            own = sorted({each.seed for each in runs.unchosen.phases[phase].cells if each.arm == cell.arm})
            other = sorted({seed for seed, budget in arm.trials if budget == arm.best.budget} - set(arm.absent))
            return (
                f"{arm_name(key, arm, runs)} is best {length_text(arm, arm.best)}, and has that length with "
                f"{_seeds(other, runs.seed_names)}, but in phase {phase} it has {_seeds(own, runs.seed_names)}; run "
                "the same seeds, or compare the ends of runs: at: same_length"
            )
    return ""


def moved_arms(found: Evidence, runs: Runs, trials: Collection[int]) -> list[str]:
    """Return the configurations of a claim that are best at another length if some trials had not been run, as text."""
    if runs.rechosen is None:
        return []
    before = runs.rechosen(frozenset(_all_trials(runs)).difference(trials)).lengths
    moved = {
        name: before[key]
        for part in found.parts
        for key, name in _names(part, runs).items()
        if key in before and _place(before[key].best) != _place(runs.lengths[key].best)
    }
    return [f"{name} (without them {length_text(arm, arm.best)})" for name, arm in moved.items()]


def _place(length: Length) -> tuple[str, int | None]:
    return length.budget, length.step


def _all_trials(runs: Runs) -> Iterator[int]:
    return (trial for arm in runs.lengths.values() for trials in arm.trials.values() for trial, _ in trials)


def named_arms(part: Part, runs: Runs) -> list[tuple[str, ArmLengths]]:
    """Return the configurations that a part of a claim compares, with their names; with their blocks if in several."""
    return [(name, runs.lengths[key]) for key, name in _names(part, runs).items()]


def _names(part: Part, runs: Runs) -> dict[ArmKey, str]:
    arms = compared_arms(part, runs)
    is_apart = len({place for _, place in arms}) > 1
    blocks = {key: f" ({clean(', '.join(key[1]))})" if is_apart else "" for key in arms}
    return {key: f"{arm_name(key, arm, runs)}{blocks[key]}" for key, arm in arms.items()}


def compared_arms(part: Part, runs: Runs) -> dict[ArmKey, ArmLengths]:
    """Return the lengths of the configurations that a part of a claim compares, the reference first."""
    weights: dict[ArmKey, float] = {}
    for unit in part.comparison.units:
        for cell, weight in unit.terms:
            weights.setdefault(cell.arm_key, weight)
    keys = sorted(weights, key=lambda key: weights[key])
    return {key: runs.lengths[key] for key in keys if key in runs.lengths}


def arm_name(key: ArmKey, arm: ArmLengths, runs: Runs) -> str:
    """Return what a configuration is called within its block: an arm's name, or what it changes from the baseline."""
    name = runs.arm_names.name({factor: json.loads(level) for factor, level in arm.levels.items()})
    if name is not None:
        return clean(name)
    baseline, place = next(iter(runs.phases.values())).baseline, key[1]
    changes = [
        f"{clean(factor)} = {level_text(level)}"
        for factor, level in arm.levels.items()
        if level != baseline.get(factor) and block_text([factor], [level]) not in place
    ]
    return ", ".join(changes) or BASELINE


def _of_arm(name: str, arm: ArmLengths, seed_names: Mapping[int, str]) -> Iterator[str]:
    for budget, runs in arm.lost.items():
        gone = listed_some([f"that of {_seeds([seed], seed_names)} (trial {trial})" for seed, trial in runs])
        yield (
            f"The runs of {name} for {budget_text(budget)} are no lengths of it, although it may be best there, since "
            f"{gone} failed, was pruned or diverged."
        )
    if arm.absent:
        one = len(arm.absent) == 1
        yield (
            f"S{_seeds(arm.absent, seed_names)[1:]} of {name} {'has' if one else 'have'} no value at that length, "
            f"and {'is' if one else 'are'} left out."
        )
    if apart := arm.unlinked:
        which = length_text(arm, arm.best)
        yield (
            f"No seed links the best length of {name} to {count(len(apart), 'other length')} of it, e.g. "
            f"{length_text(arm, apart[0])}: other seeds may be why it is better {which}."
        )
    if rest := arm.unshared:
        verb = "is no length" if len(rest) == 1 else "are no lengths"
        yield (
            f"{count(len(rest), 'evaluation')} of {name}, e.g. after step {grouped(rest[0])}, {verb}, since half of "
            "its seeds or more have none then."
        )
    if arm.edge and not (arm.edge == "longest" and arm.lost):
        yield (
            f"{capital(name)} is best at the {arm.edge} of its {count(len(arm.lengths), 'length')}, so a "
            f"{'longer' if arm.edge == 'longest' else 'shorter'} one may be better still."
        )
    optimism = arm.choice.optimism
    if math.isfinite(optimism) and optimism > 0 and _is_worth_saying(arm):
        size = percent(optimism).lstrip("+") if arm.measure.is_log else number(optimism, 2)
        yield f"The best length of {name} looks better by {size} than it is, which its value allows for."
    if arm.others:
        yield f"Without one of its seeds, {name} would be best {_alternatives(arm)}."


def _seeds(seeds: Sequence[int], names: Mapping[int, str]) -> str:
    shown = [names.get(seed, str(seed)) for seed in seeds]
    return f"seed{'s' if len(shown) > 1 else ''} {listed_some(shown)}" if shown else "no seed"


def capital(name: str) -> str:
    """Return a name for the beginning of a sentence: a name of the study's keeps its letters."""
    return f"T{name[1:]}" if name.startswith(BASELINE) else name


def _alternatives(arm: ArmLengths) -> str:
    texts: Sequence[str] = [length_text(arm, other) for other in arm.others]
    return " or ".join(texts)


def _is_worth_saying(arm: ArmLengths) -> bool:
    """Return whether the optimism counts beside the standard error of the configuration's mean."""
    known = arm.at_best
    return arm.choice.optimism >= NOTED * float(np.std(known, ddof=1)) / math.sqrt(len(known))
