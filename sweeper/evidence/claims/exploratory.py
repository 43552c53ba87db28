"""Which verdicts are exploratory: about what was declared, added or changed after results could be seen.

A test keeps its error only if its data and its claim were chosen without looking at results. Seeds that are added until
a claim is decided falsely support it in up to 20% of studies instead of 5%. So a verdict is exploratory if, at a time
when a phase of its claim had a trial that had ended or reported a value,

1. the claim was added or changed: what is compared, what is expected, the margin, or the metric; or
2. trials on which it rests were added to that phase: seeds, levels, blocks, repeats, or trials of another budget; or
3. seeds that were added to another phase changed at which lengths configurations are best, and it compares these; or
4. settings of that phase changed that decide which runs are compared: the baseline, blocks, the design, the maximum
   number of seeds, or levels among which an ordering chooses.

Texts, descriptions, caps and resources do not matter, nor does what was changed before the phase had results. A change
that is undone leaves no mark, except for trials, which stay.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sweeper.evidence.data.load import StudyData
from sweeper.evidence.formatting import clean, count, listed
from sweeper.spec.claim import Claim, Ordering, phases_of
from sweeper.spec.declared import declared_claims, declared_phases

PHASE_KEYS: Final = ("design", "factors", "seeds", "budget", "config", "exclude", "repeats", "blocks", "levels")
SETTINGS: Final = {"design": "the design", "blocks": "the blocks", "baseline": "the baseline"}


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a verdict is exploratory, as text.

    Attributes:
        trials: that were added.
        others: the claim or settings of its phases.
        is_added: whether the claim itself was added.
    """

    trials: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    is_added: bool = False

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.others, *self.trials)


def exploratory_reasons(
    data: StudyData,
    claim: Claim,
    trials: Collection[int],
    late_lines: Iterable[str] = (),
    moved: Callable[[Collection[int]], Sequence[str]] = lambda _: (),
) -> Reasons:
    """Return why the verdict on a claim is exploratory; nothing if it is not.

    Args:
        trials: on which it rests, with or without a value.
        late_lines: what edited files changed after the first trial had started; all that is known of studies that
            versions launched which did not keep what was declared.
        moved: return the configurations that are best at other lengths without some trials, as text.
    """
    declared = data.declaration
    named = [phase.name for phase in data.study.phases if phase.name in phases_of(claim.statement)]
    phases = named
    if declared.claims is None or declared.phases is None:
        lines = _paths(claim, phases, late_lines)
        return Reasons(others=tuple(f"{path} changed after trials had started" for path in lines))
    added: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    if claim.is_at_best_length:
        all_lengths = _at_any_length(data, trials)
        phases = [phase.name for phase in data.study.phases if set(data.members.get(phase.name, ())) & all_lengths]
        late_phases = _added_phases(late_lines)
        further = _of_further_lengths(data, all_lengths, late_phases)
        added = (
            *_of_added(data, late_phases, further, "lengths"),
            *_of_added(data, late_phases.difference(named), set(trials) - further, "seeds"),
        )
        if claim.id in declared.claims and not late_phases.issuperset(named):
            shifts = _of_shifts(moved, _came_later(data, late_phases) & all_lengths.difference(further, trials))
        trials = further.union(trials)
    settings = (text for phase in phases for text in _of_settings(data, phase, claim, declared.phases))
    return Reasons(
        trials=tuple(text for phase in phases for text in _of_trials(data, phase, claim, trials)),
        others=(*_of_claim(data, claim, declared.claims, named), *settings, *added, *shifts),
        is_added=claim.id not in declared.claims,
    )


def _paths(claim: Claim, phases: Collection[str], lines: Iterable[str]) -> Iterator[str]:
    """Yield the paths of changes that may bear on a claim; a path has no colon before its own."""
    settings = [f"phases.{phase}.{key}" for phase in phases for key in PHASE_KEYS]
    for line in lines:
        path = line.partition(": ")[0]
        bears = path.startswith((*settings, "factors.", "trial.config", "trial.program", f"claims.{claim.id}."))
        if path == f"claims.{claim.id}" or (bears and path != f"claims.{claim.id}.text"):
            yield clean(path)


def removed_ids(data: StudyData) -> frozenset[str]:
    """Return the claims that were declared before there were results and are not any more."""
    return frozenset(data.declaration.claims or ()) - {claim.id for claim in data.study.claims}


def _of_claim(
    data: StudyData, claim: Claim, declared: Mapping[str, Mapping[str, Any]], phases: list[str]
) -> Iterator[str]:
    where = listed(phases)
    if claim.id not in declared:
        yield f"the claim was added after the first results of {where}"
    elif declared[claim.id] != declared_claims(data.study)[claim.id]:
        yield f"the claim was changed after the first results of {where}"


def _of_trials(data: StudyData, phase: str, claim: Claim, trials: Collection[int]) -> Iterator[str]:
    late = set(data.declaration.late.get(phase, ()))
    if not _chooses(claim):  # whatever was run is looked at for the best level
        late &= set(trials)
    if not late:
        return
    frame = data.phase_trials(phase)
    is_late = frame["trial_id"].isin(data.declaration.late[phase])
    seeds = {int(seed) for seed in frame.loc[frame["trial_id"].isin(late), "seed"]}
    known = {int(seed) for seed in frame.loc[~is_late, "seed"]}
    what = count(len(late), "trial") if seeds & known else _seeds_text(sorted(seeds))
    was = "was" if len(late) == 1 or what.startswith("seed ") else "were"
    yield f"{what} of {phase} {was} added after its first results"


def _seeds_text(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seeds {listed([str(seed) for seed in seeds])}"


def _of_settings(data: StudyData, phase: str, claim: Claim, declared: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    before, now = declared.get(phase), declared_phases(data.study).get(phase)
    if before is None or now is None:
        return
    for key, name in SETTINGS.items():
        if _is_other(before.get(key), now[key]):
            yield f"{name} of {phase} changed after its first results"
    if before.get("adaptive") != now["adaptive"]:
        yield f"how seeds are added to {phase} changed after its first results"
    levels = before.get("levels", {})
    if _chooses(claim) and any(set(known) - set(now["levels"].get(name, ())) for name, known in levels.items()):
        yield f"levels of {phase} were removed after its first results"


def _at_any_length(data: StudyData, trials: Collection[int]) -> frozenset[int]:
    """Return all trials of the configurations of some trials: whatever lengths were run are looked at for the best."""
    frame = data.trials
    arms = set(frame.loc[frame["trial_id"].isin(trials), "configuration_hash"])
    return frozenset(int(trial) for trial in frame.loc[frame["configuration_hash"].isin(arms), "trial_id"])


def _of_further_lengths(data: StudyData, trials: Collection[int], added: Collection[str]) -> frozenset[int]:
    """Return those of some trials that came after results and gave configurations lengths to choose from.

    Other seeds at lengths that a configuration had before only make the choice better, unless they are compared.

    Args:
        added: phases that were added after there were results.
    """
    frame = data.trials[data.trials["trial_id"].isin(trials)]
    is_known = ~frame["trial_id"].isin(_came_later(data, added))
    lengths = list(zip(frame["configuration_hash"], frame["budget"], strict=True))
    known = {length for length, is_one in zip(lengths, is_known, strict=True) if is_one}
    arms = {arm for arm, _ in known}
    return frozenset(
        int(trial)
        for trial, (arm, budget) in zip(frame["trial_id"], lengths, strict=True)
        if arm in arms and (arm, budget) not in known
    )


def _came_later(data: StudyData, added: Collection[str]) -> frozenset[int]:
    """Return the trials that no phase had before its results.

    Args:
        added: phases that were added after there were results.
    """
    declared = {trial for phase, members in data.members.items() if phase not in added for trial in members}
    late = {trial for members in data.declaration.late.values() for trial in members}
    return frozenset(int(trial) for trial in data.trials["trial_id"] if trial not in declared - late)


def _of_shifts(moved: Callable[[Collection[int]], Sequence[str]], later: Collection[int]) -> tuple[str, ...]:
    """Return what seeds that a claim does not compare changed by the lengths that they helped to choose."""
    names = moved(later) if later else ()
    return (
        (f"seeds that were added after the first results changed the best length of {listed(names)}",) if names else ()
    )


def _added_phases(lines: Iterable[str]) -> frozenset[str]:
    """Return the phases that were added after there were results."""
    paths = {line.partition(": ")[0] for line in lines if ": added" in line}
    return frozenset(path.removeprefix("phases.") for path in paths if path.startswith("phases."))


def _of_added(data: StudyData, added: Collection[str], trials: Collection[int], what: str) -> Iterator[str]:
    """Yield the added phases with some trials that none of the other phases has."""
    others = {trial for phase, members in data.members.items() if phase not in added for trial in members}
    yield from (
        f"phase {phase.name}, with further {what}, was added after the first results"
        for phase in data.study.phases
        if phase.name in added and set(data.members.get(phase.name, ())) & set(trials) - others
    )


def _is_other(before: Any, now: Any) -> bool:
    """Return whether a setting has changed; a factor that is new changes no baseline."""
    if isinstance(before, Mapping):
        return any(name in now and now[name] != level for name, level in before.items())
    return bool(before != now)


def _chooses(claim: Claim) -> bool:
    """Return whether a claim chooses the levels that it compares by their results."""
    statement = claim.statement
    if not isinstance(statement, Ordering):
        return False
    named = statement.order or (statement.largest or "", *statement.among)
    return any(name not in statement.levels for name in named)
