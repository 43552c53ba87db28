"""Verdicts on claims about a pandas frame with one row per run, without a study or a store.

::

    claim = {"id": "a-helps", "contrast": {"factor": "a", "from": 0.0, "to": 0.2}, "expect": "decrease"}
    (verdict,) = sweeper.judge(frame, metric="loss", claims=[claim])
    verdict.verdict, verdict.estimate, verdict.low, verdict.high
"""

import datetime as dt
import math
import sys
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.designs.levels import level_key
from sweeper.errors import UsageError
from sweeper.evidence.claims.judge import ClaimVerdict, judge
from sweeper.evidence.data.cells import Cell, block_text
from sweeper.evidence.data.censored import Endings, Series
from sweeper.evidence.data.measures import Direction, Measure, Metric, Scale, make_measure
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.frame_claims import PHASE, claim_metrics, read_arms, read_baselines, read_claims, read_metric
from sweeper.importing.frame import MOST_ROWS, RunFrame, column_names, rows_text, run_frame
from sweeper.importing.frame_levels import narrow_type
from sweeper.spec.arm_names import ArmNames
from sweeper.store.records import TrialState


def judge_frame(
    frame: pd.DataFrame,
    *,
    metric: str,
    direction: Direction = "minimize",
    scale: Scale | None = None,
    seed: str = "seed",
    factors: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    state: str = "state",
    arms: Mapping[str, Mapping[str, object]] | None = None,
    baselines: Mapping[str, object] | None = None,
    claims: Iterable[Mapping[str, object]],
) -> list[ClaimVerdict]:
    """Return the verdicts on claims about the runs in a frame, in the order of the claims.

    The arguments and errors are those of `sweeper.judge`.
    """
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(f"frame: {type(frame).__name__} is not a pandas frame. Use pandas.DataFrame(...).")
    factors, strata = column_names(factors, "factors"), column_names(strata, "strata")
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    own, documents = read_metric({"name": metric, "direction": direction, "scale": scale}), _listed(claims)
    metrics = claim_metrics(documents, own)
    runs = run_frame(frame, metrics=metrics, seed=seed, factors=factors, strata=strata, state=state)
    narrow = {name: narrow_type(frame[name]) for name in runs.factors}
    if baselines is not None:
        runs = runs.with_baselines(read_baselines(baselines, runs, narrow))
    named = read_arms(arms or {}, runs, narrow)
    typed = read_claims(documents, metrics, runs, narrow, named)
    names = ArmNames(arms=named, factors=runs.factors, strata=runs.strata)
    return list(judge(typed, _runs(frame, metrics, runs, names)))


def _listed(claims: object) -> list[object]:
    """Return claims as a list; a single one is none, though its keys can be listed."""
    if isinstance(claims, str | Mapping) or not isinstance(claims, Iterable):
        what = "a mapping is one claim" if isinstance(claims, Mapping) else f"{claims!r} is not a list of claims"
        raise UsageError(f"claims: {what}. Use claims=[{{'id': ..., 'contrast': ...}}].")
    return list(claims)


def _runs(frame: pd.DataFrame, metrics: Mapping[str, Metric], known: RunFrame, arm_names: ArmNames) -> dict[str, Runs]:
    """Return the runs on each metric; levels are chosen on the first."""
    measures = [_measure(frame, metric, known.states) for metric in metrics.values()]
    phase = PhaseRuns(
        name=PHASE,
        design="list",
        blocks=known.strata,
        baseline={name: level_key(factor.baseline) for name, factor in known.factors.items()},
        cells=_cells(known),
    )
    groups = {trial: (PHASE, "/".join(cell.stratum)) for cell in phase.cells for trial in cell.all_trials}
    levels = {name: tuple(map(level_key, factor.levels or ())) for name, factor in known.factors.items()}
    found: dict[str, Runs] = {}
    for measure in measures:
        chooser = found[measures[0].metric.name] if found else None
        own = Series(measures[0]) if chooser and measure.metric.scale == measures[0].metric.scale else None
        endings = Endings(groups=groups, states=dict(enumerate(known.states)), own=own)
        runs = Runs(
            measure=measure,
            phases={PHASE: phase},
            levels=levels,
            endings=endings,
            chooser=chooser,
            seed_names=known.seed_names,
            is_frame=True,
            arm_names=arm_names,
            guesses=known.guesses,
        )
        found[measure.metric.name] = runs.measured()
    return found


def _numbers(frame: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """Return a column as real numbers; NaN for what is missing or no number."""
    kind = getattr(frame[name].dtype, "kind", "O")
    if kind in "mMc":
        what = {"m": "durations", "M": "dates", "c": "complex numbers"}[kind]
        raise UsageError(f"column {name!r} has {what}, which are no metric. Use real numbers, e.g. seconds.")
    for row, value in enumerate(frame[name].tolist() if kind == "O" else ()):
        if isinstance(value, complex | np.complexfloating | dt.date | dt.timedelta | np.datetime64 | np.timedelta64):
            raise UsageError(f"column {name!r}, row {row}: {value!r} is not a real number. Use numbers, or NaN.")
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            size = f"an integer of {len(str(abs(value)))} digits" if value.bit_length() < 10_000 else "an integer"
            raise UsageError(f"column {name!r}, row {row}: {size} is too large to compute with. Use smaller numbers.")
    plain = frame[name].astype(object).where(frame[name].notna(), math.nan)  # Arrow's decimals lose what is missing
    return pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=math.nan)


def _measure(frame: pd.DataFrame, metric: Metric, states: Sequence[TrialState]) -> Measure:
    column = _numbers(frame, metric.name)
    bad = np.flatnonzero(np.isnan(column) & frame[metric.name].notna().to_numpy())
    if len(bad):
        shown = list(dict.fromkeys(repr(frame[metric.name].iloc[row]) for row in bad[:MOST_ROWS]))
        verb = "is not a number" if len(shown) == 1 else "are no numbers"
        raise UsageError(
            f"column {metric.name!r}, {rows_text(bad.tolist())}: {', '.join(shown)} {verb}. Use numbers, or NaN."
        )
    done = {row: value for row, value in enumerate(column.tolist()) if states[row] == "completed"}
    return make_measure(metric, done)


def _cells(runs: RunFrame) -> tuple[Cell, ...]:
    """Return the cells, none of them measured yet."""
    groups: dict[tuple[tuple[str, ...], int], list[int]] = {}
    rows = list(zip(*runs.keys.values(), strict=True)) if runs.keys else [()] * len(runs.seeds)
    for row, (levels, seed) in enumerate(zip(rows, runs.seeds, strict=True)):
        groups.setdefault((levels, seed), []).append(row)
    cells = []
    for (levels, seed), members in groups.items():
        named = dict(zip(runs.keys, levels, strict=True))
        cells.append(
            Cell(
                levels=named,
                arm="\n".join(levels),
                seed=seed,
                stratum=tuple(block_text([name], [named[name]]) for name in runs.strata),
                missing=tuple((row, runs.states[row]) for row in members),
            )
        )
    return tuple(cells)
