"""The study file of runs that exist: their factors, designs and seeds, and claims to begin with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import yaml

from sweeper.designs.factor import Factor, Range
from sweeper.designs.levels import Level, level_key
from sweeper.importing.arranged import Arranged
from sweeper.importing.naming import nested, paths_of
from sweeper.importing.phases import ImportedPhase, drawn_ranges
from sweeper.importing.proposals import Claim

Document = dict[str, Any]
HEADER: Final = """\
# Runs from {path}, read by `sweeper import {form}`. Edit the claims, then: sweeper launch THIS_FILE --extend
#
# The runs were there before the claims, so every verdict on them is exploratory. To run what is missing, name your
# program instead of `imported`, e.g. program: {{command: [python, train.py, ...]}}, and launch with --extend.
"""


def study_text(name: str, found: Arranged, phases: Sequence[ImportedPhase], claims: Sequence[Claim]) -> str:
    """Return the study file."""
    document = _document(name, found, phases, claims)
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=116)
    path = "".join(character if character.isprintable() else "?" for character in found.source.path)
    return HEADER.format(path=path, form=found.source.form) + body


class _Dumper(yaml.SafeDumper):
    """Writes the same list or mapping again instead of referring to it, and quotes what may read as a number.

    PyYAML takes 1e-05 for text and would not quote it, but study files have it as a number.
    """

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    may_be_number = text[:1] in tuple("0123456789+-.")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if may_be_number else None)


_Dumper.add_representer(str, _text)


def _document(name: str, found: Arranged, phases: Sequence[ImportedPhase], claims: Sequence[Claim]) -> Document:
    metric = found.metric
    searched = [phase for phase in phases if phase.kind == "sampler"]
    ranges = drawn_ranges(found) if searched else {}
    columns = {**{column: name for name, column in found.columns.items()}, **{each: each for each in found.constants}}
    paths = paths_of(columns)
    config: dict[str, object] = {paths[name]: level for name, level in found.constants.items()}
    factors: dict[str, Document] = {}
    for factor in found.known.factors.values():
        path = paths[found.columns[factor.name]]
        factors[factor.name] = _factor(factor, path, ranges.get(factor.name))
        if factor.name not in ranges:
            config[path] = factor.baseline
    when = _conditions(found, list(factors)) if searched else {}
    for factor_name, condition in when.items():
        factors[factor_name]["when"] = condition
    return {
        "study": name,
        "description": f"Runs that {_tool(found)} made.",
        "metric": {
            "name": metric.name,
            "direction": metric.direction,
            "scale": metric.scale,
            "value": metric.value.kind,
        },
        "trial": {"program": "imported", "config": nested(config)},
        "factors": factors,
        "phases": [_phase(found, phase) for phase in phases],
        **({"claims": list(claims)} if claims else {}),
    }


def _tool(found: Arranged) -> str:
    names = {"optuna": "Optuna", "mlflow": "MLflow", "wandb": "W&B", "tensorboard": "a program with TensorBoard"}
    return names.get(found.source.form, "another tool")


def _factor(factor: Factor, path: str, drawn: Range | None) -> Document:
    own = {} if path == factor.name else {"path": path}
    if drawn is None:
        return {**own, "levels": list(factor.levels or ()), "baseline": factor.baseline}
    given = {"low": drawn.low, "high": drawn.high, "log": drawn.log or None, "step": drawn.step}
    return {**own, **{key: value for key, value in given.items() if value is not None}}


def _conditions(found: Arranged, names: Iterable[str]) -> dict[str, dict[str, list[Level]]]:
    """Return for each parameter that some runs do not have, the levels of another one that decide it."""
    present = {name: tuple(found.columns[name] in each.run.cells for each in found.runs) for name in names}
    deciding = [name for name in present if all(present[name]) and len(found.known.factors[name].levels or ()) <= 12]
    result: dict[str, dict[str, list[Level]]] = {}
    for name, has in present.items():
        for other in deciding if not all(has) else ():
            keys = found.known.keys[other]
            with_it = {key for key, there in zip(keys, has, strict=True) if there}
            if with_it.isdisjoint(key for key, there in zip(keys, has, strict=True) if not there):
                result[name] = {other: [found.level(other, key) for key in dict.fromkeys(keys) if key in with_it]}
                break
    return result


def _phase(found: Arranged, phase: ImportedPhase) -> Document:
    seeds: int | list[int] = list(phase.seeds)
    if phase.seeds == tuple(range(len(phase.seeds))):
        seeds = len(phase.seeds)
    document: Document = {"name": phase.name, "design": _design(found, phase)}
    if phase.kind != "list" and len(phase.varied) < len(found.known.factors):
        document["factors"] = list(phase.varied)
    levels = _own_levels(found, phase)
    if levels:
        document["levels"] = levels
    if phase.blocks:
        document["blocks"] = list(phase.blocks)
    document["seeds"] = seeds
    if phase.repeats > 1:
        document["repeats"] = phase.repeats
    if phase.budget:
        ((unit, amount),) = phase.budget.items()
        document["budget"] = {unit: int(amount) if float(amount).is_integer() else amount}
    return document


def _design(found: Arranged, phase: ImportedPhase) -> object:
    if phase.kind == "sampler":
        return {"sampler": "tpe", "trials": len(phase.rows)}
    if phase.kind != "list":
        return phase.kind
    factors, row = found.known.factors, phase.rows[0]
    fixed = {name: found.known.keys[name][row] for name in factors if name not in (*phase.varied, *phase.blocks)}
    rows = []
    for key in phase.configurations:
        levels = {**fixed, **dict(zip(phase.varied, key, strict=True))}
        rows.append(
            {
                name: found.level(name, levels[name])
                for name in factors
                if name in levels and levels[name] != level_key(factors[name].baseline)
            }
        )
    return {"list": rows}


def _own_levels(found: Arranged, phase: ImportedPhase) -> Mapping[str, list[Level]]:
    """Return the levels of factors that a phase varies over some of their levels only."""
    if phase.kind == "sampler":
        return {}
    wanted = phase.blocks if phase.kind == "list" else (*phase.varied, *phase.blocks)
    result = {}
    for name in wanted:
        factor = found.known.factors[name]
        keys = {found.known.keys[name][row] for row in phase.rows}
        levels = [level for level in factor.levels or () if level_key(level) in keys]
        if len(levels) < len(factor.levels or ()):
            result[name] = levels
    return result
