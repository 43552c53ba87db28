"""Claims about a frame of runs: those of a study file without `phase`, since there is only one."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from sweeper.designs.levels import same_level
from sweeper.errors import UsageError
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.frame_statements import factors_of, repeats, unknown_factor
from sweeper.importing.frame import RunFrame
from sweeper.importing.frame_levels import as_level, plain_level
from sweeper.spec.arm_names import Arms
from sweeper.spec.arms import arm_faults, with_levels
from sweeper.spec.checks.claims import claim_faults, form_fault
from sweeper.spec.claim import FORMS, Claim
from sweeper.spec.claims_from_entries import claim_of
from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.entries.messages import problems_in
from sweeper.spec.entries.metric import MetricEntry
from sweeper.spec.from_entries import metric_of
from sweeper.spec.names import level_text, levels_text
from trainer.config.wording import Path, dotted, shown

PHASE: Final = "runs"
Entry = TypeVar("Entry", bound=BaseModel)
Narrow: TypeAlias = Mapping[str, type[np.floating] | None]


class _Faults:
    """The mistakes in claims, each with its path."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, path: Path, message: str) -> None:
        """Add a mistake."""
        self.lines.append(f"{dotted(path)}: {message}")

    def read(self, model: type[Entry], document: object, here: Path) -> Entry | None:
        """Return the entry of a document; if it has mistakes, add them and return None."""
        try:
            return model.model_validate(document)
        except ValidationError as error:
            problems = {problem.path: problem.message for problem in problems_in(error, model)}
            for path, message in problems.items():
                forms = [(*path[:-1], form) in problems for form in ("int", "float")] if path else [False]
                if not all(forms) or path[-1] not in ("int", "float", "str"):
                    self.add((*here, *path), message)
                elif path[-1] == "float":  # of the forms of a margin, the one that says most
                    self.add((*here, *path[:-1]), message)
        return None

    def check(self) -> None:
        """Raise a `UsageError` if there is any mistake."""
        if self.lines:
            raise UsageError("\n".join(self.lines))


def read_metric(document: Mapping[str, object]) -> Metric:
    """Return the metric of a document with name, direction and scale.

    Raises:
        UsageError: it has mistakes.
    """
    faults = _Faults()
    entry = faults.read(MetricEntry, document, ("metric",))
    faults.check()
    assert entry is not None
    return metric_of(entry)


def claim_metrics(claims: Sequence[object], own: Metric) -> dict[str, Metric]:
    """Return the metrics of claims by name, `own` first.

    Raises:
        UsageError: a claim is not a mapping, names another metric without its direction, or declares one differently.
    """
    found, faults, places = {own.name: own}, _Faults(), {own.name: "the call"}
    for index, claim in enumerate(claims):
        here: Path = ("claims", index)
        metric = claim.get("metric") if isinstance(claim, Mapping) else None
        if not isinstance(claim, Mapping):
            faults.add(here, f"{shown(claim)} is not a mapping. Use e.g. {{'id': 'x-helps', 'contrast': {{...}}}}.")
        elif isinstance(metric, Mapping):
            entry = faults.read(MetricEntry, metric, (*here, "metric"))
            if entry is None:
                continue
            if entry.value is not None:
                faults.add((*here, "metric", "value"), "a frame has no curves, only one value per run. Remove it.")
            fault = _contradiction(entry, shown(claim.get("id")), found, places)
            if fault:
                faults.add((*here, "metric"), fault)
            places.setdefault(entry.name, f"{dotted(here)} ({shown(claim.get('id'))})")
            found.setdefault(entry.name, metric_of(entry))
        elif isinstance(metric, str) and metric != own.name:
            remedy = f"Use {{'name': {metric!r}, 'direction': 'maximize'}} or 'minimize'."
            faults.add((*here, "metric"), f"the direction of {metric!r} is unknown. {remedy}")
    faults.check()
    return found


def _contradiction(entry: MetricEntry, claim: str, found: Mapping[str, Metric], places: Mapping[str, str]) -> str:
    """Return how a claim's metric differs from what was declared before: it has one direction and one scale."""
    metric, known = metric_of(entry), found.get(entry.name)
    if known is None or (metric.direction, entry.scale or known.scale) == (known.direction, known.scale):
        return ""
    mine, other = (f"{each.direction}, {each.scale} scale" for each in (metric, known))
    remedy = "Declare it alike, or copy the column under another name."
    return f"{claim} declares {shown(entry.name)} as {mine}, but {places[entry.name]} as {other}. {remedy}"


def read_arms(arms: object, runs: RunFrame, narrow: Narrow) -> dict[str, dict[str, object]]:
    """Return configurations by their names, with the levels of a frame.

    Args:
        narrow: by factor the type of its column, if it has numbers of few digits.

    Raises:
        UsageError: it is no mapping of mappings, or they have factors that the frame does not.
    """
    faults, found = _Faults(), {}
    if not isinstance(arms, Mapping):
        raise UsageError(
            f"arms: {shown(arms)} is not a mapping. Use e.g. {{'bare': {{}}, 'both': {{'a': 1, 'b': 2}}}}."
        )
    for name, levels in arms.items():
        if not isinstance(levels, Mapping) or not isinstance(name, str):
            faults.add(("arms", str(name)), f"{shown(levels)} is not a mapping of factors to levels.")
            continue
        for factor in levels.keys() - runs.factors.keys():
            faults.add(("arms", name, str(factor)), unknown_factor(str(factor), runs))
        found[name] = {factor: _as_level(_plain(level), factor, narrow) for factor, level in levels.items()}
    faults.check()
    return found


def read_baselines(baselines: object, runs: RunFrame, narrow: Narrow) -> dict[str, object]:
    """Return declared baselines, with the levels of a frame.

    Args:
        narrow: by factor the type of its column, if it has numbers of few digits.

    Raises:
        UsageError: it is no mapping, a name is no factor, or no run has the level.
    """
    if not isinstance(baselines, Mapping):
        raise UsageError(f"baselines: {shown(baselines)} is not a mapping. Use e.g. baselines={{'dropout': 0.0}}.")
    faults, found = _Faults(), {}
    for name, given in baselines.items():
        here: Path = ("baselines", str(name))
        if name not in runs.factors:
            faults.add(here, unknown_factor(str(name), runs))
        elif name in runs.strata:
            faults.add(here, "is one of strata, which have no baseline. Leave it out.")
        else:
            level, known = _as_level(_plain(given), name, narrow), runs.factors[name].levels or ()
            same = [each for each in known if same_level(each, level)]
            if same:
                found[name] = same[0]
            else:
                faults.add(here, f"no run has {level_text(level)}. Use one of its levels: {levels_text(known)}.")
    faults.check()
    return found


def read_claims(
    claims: Sequence[object], metrics: Mapping[str, Metric], runs: RunFrame, narrow: Narrow, arms: Arms
) -> tuple[Claim, ...]:
    """Return claims on the first of some metrics, unless they name another one.

    Args:
        arms: configurations by their names.
        narrow: by factor the type of its column, if it has numbers of few digits.

    Raises:
        UsageError: claims have mistakes; the message has one line for each.
    """
    faults, found, own = _Faults(), [], next(iter(metrics))
    seen: set[str] = set()
    for index, document in enumerate(claims):
        here: Path = ("claims", index)
        try:
            entry = faults.read(ClaimEntry, _in_phase(document, narrow), here)
        except RecursionError:
            faults.add(here, "the claim contains itself, or is nested too deeply. Write it out, e.g. as JSON.")
            continue
        if entry is not None and _is_valid(entry, here, runs, arms, faults):
            found.append(claim_of(entry, metrics[entry.metric_name or own], runs.factors, arms))
        if entry is not None and entry.id.casefold() in seen:
            faults.add((*here, "id"), f"{entry.id!r} is also the id of an earlier claim. Give each claim its own id.")
        seen |= {entry.id.casefold()} if entry is not None else set()
    faults.check()
    return tuple(found)


def _is_valid(claim: ClaimEntry, here: Path, runs: RunFrame, arms: Arms, faults: _Faults) -> bool:
    before = len(faults.lines)
    fault = form_fault(claim)
    if fault is not None:
        faults.add(here, fault)
        return False
    for path, message in claim_faults(claim):
        faults.add((*here, *path), message)
    if claim.at is not None:
        faults.add((*here, "at"), "a frame has no curves, only one value per run. Remove it.")
    of_arms = list(arm_faults(claim.statement, arms))
    for path, message in of_arms:
        faults.add((*here, claim.forms[0], *path), message)
    if of_arms:
        return False
    unknown: set[Path] = set()
    statement = with_levels(claim.statement, arms)
    for path, name in factors_of(statement):
        if name not in runs.factors:
            unknown.add(path)
            faults.add((*here, claim.forms[0], *path), unknown_factor(name, runs))
    for path, message in repeats(statement, runs):
        if path not in unknown:
            faults.add((*here, claim.forms[0], *path), message)
    return len(faults.lines) == before


def _in_phase(claim: object, narrow: Narrow) -> object:
    """Return a claim as a study file writes it: in the only phase, with a text, its metric by name."""
    plain = _plain(claim)
    assert isinstance(plain, dict)
    metric = plain.get("metric")
    given = {**plain, "text": plain.get("text") or "A claim about a frame.", "metric": _name(metric)}
    return {
        key: (_trend if key == "trend" else _statement)(value, narrow) if key in FORMS else value
        for key, value in given.items()
    }


def _name(metric: object) -> object:
    return metric.get("name") if isinstance(metric, dict) else metric


def _statement(statement: object, narrow: Narrow) -> object:
    if not isinstance(statement, dict):
        return statement
    given = {**statement, **({"with": _other(statement["with"], narrow)} if "with" in statement else {})}
    ends = {end: arm for end in ("from", "to") if isinstance(arm := statement.get(end), dict)}
    if ends and "factor" not in statement:  # configurations
        arms = {end: {**_with_levels(arm, narrow), "phase": PHASE} for end, arm in ends.items()}
        own = {} if len(ends) == 2 else {"phase": PHASE}
        rest = {key: value for key, value in given.items() if key not in ends}
        return {**_with_levels(rest, narrow), **own, **arms}
    return {**_with_levels(given, narrow), "phase": PHASE}


def _trend(statement: object, narrow: Narrow) -> object:
    """Return a trend, whose configurations are all in the one phase that it names."""
    if not isinstance(statement, dict):
        return statement
    ends = {end: arm for end in ("from", "to") if isinstance(arm := statement.get(end), dict)}
    if "factor" in statement:
        ends = {}
    rest = {key: value for key, value in statement.items() if key not in ends}
    own = {} if "phases" in statement else {"phase": PHASE}
    return {**_with_levels(rest, narrow), **own, **{end: _with_levels(arm, narrow) for end, arm in ends.items()}}


def _other(other: object, narrow: Narrow) -> object:
    """Return the second difference of an interaction: of configurations, or of another factor."""
    if isinstance(other, dict) and ("factor" in other or not isinstance(other.get("from"), dict)):
        return _with_levels(other, narrow)
    return _statement(other, narrow)


def _with_levels(given: Mapping[str, object], narrow: Narrow) -> dict[str, object]:
    """Return a mapping with the levels that it names as the frame has them."""
    factor, found = given.get("factor"), dict(given)
    for end in {"from", "to"} & found.keys():
        found[end] = _as_level(found[end], factor, narrow)
    for key in {"where", "levels"} & found.keys():
        named = found[key]
        if isinstance(named, dict):
            found[key] = {name: _as_level(level, name, narrow) for name, level in named.items()}
    return found


def _as_level(level: object, factor: object, narrow: Narrow) -> object:
    return as_level(level, narrow.get(factor) if isinstance(factor, str) else None)


def _plain(value: object) -> object:
    """Return a value with numbers of the standard library, and any sequence as a list."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else plain_level(value)
