"""Claims, verdicts and their caveats as text."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from sweeper.designs.levels import Level
from sweeper.evidence.claims.arm_wording import level_name
from sweeper.evidence.claims.bars import effects_apart, hides_blocks, is_barred, opposite_levels
from sweeper.evidence.claims.evidence import Evidence, Part, Region, Verdict
from sweeper.evidence.data.cells import level_text
from sweeper.evidence.data.failures import failed_share
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.formatting import clean, count, listed, metric_name, number, percent, signed
from sweeper.evidence.statistics.divergence import fewest_that_differ
from sweeper.evidence.statistics.heterogeneity import DIFFERS, same_effect_p
from sweeper.evidence.statistics.sample_size import MOST_SEEDS
from sweeper.monitor.decision import Decision
from sweeper.spec.claim import ArmContrast, Claim, Constant, Contrast, Divergence, Margin, Ordering

DECIMALS: Final = 2  # of a change in percent
WIDEST: Final = math.log(100.0)  # of an interval of ratios that is printed
MOST_VALUES: Final = 3  # that are named of those that cannot be compared


def sentence(
    verdict: Verdict,
    claim: Claim,
    found: Evidence,
    measure: Measure,
    *,
    p_adjusted: float,
    seeds_needed: int | None,
    detectable: float,
    alpha: float,
) -> str:
    """Return what was found, on how many pairs, what was claimed, and what it would take to decide.

    Args:
        p_adjusted: of the verdict.
        seeds_needed, detectable: of the evidence.
        alpha: the level that the claim must reach on its own.
    """
    part, stated = found.headline, found.stated
    claimed = f"Claimed: {clean(claimed_text(claim, measure, stated.region, stated.per))}."
    if verdict == "untested":
        has_failed = {state for _, state in found.missing} == {"failed"}
        lacking = "no pair whose runs all converged" if has_failed else "no complete pair yet"
        return f"{clean(part.label)}: {lacking}. {claimed}"
    if part.exact is not None:
        basis = f"{part.effect.method} on {count(part.effect.n, 'pair')}; adjusted p {_p_value(p_adjusted)}"
        text, least = f"{clean(part.label)} ({basis}). {claimed}", fewest_that_differ(alpha)
        is_short = verdict == "undecided" and part.comparison.num_seeds < least
        return f"{text} It needs at least {least} seeds to be decided." if is_short else text
    effect = f"{clean(part.label)}: {_effect(claim, part.effect.value, measure)}{clean(part.per)}"
    if not part.effect.decides:
        return f"{effect}, but {part.effect.method}. {claimed}"
    ends = _interval(claim, part.effect.value, *part.effect.interval(), measure)
    of_many = f"; the weakest of {len(found.parts)} comparisons" if len(found.parts) > 1 else ""
    basis = f"95% interval {ends}; {_pairs(part)}{of_many}; adjusted p {_p_value(p_adjusted)}"
    text = f"{effect} ({basis}). {claimed}"
    if verdict != "undecided" or part.worst.any or is_barred(found, measure):
        return text
    return f"{text} {_outlook(part, measure, seeds_needed, detectable)}"


def sentence_over_looks(
    verdict: Verdict,
    claim: Claim,
    part: Part,
    stated: Part,
    measure: Measure,
    *,
    interval: tuple[float, float, float],
    pairs: int,
    p_adjusted: float,
    decision: Decision,
    parts: int = 1,
) -> str:
    """Return what the last look at a claim showed, what was claimed, and where the claim is.

    Args:
        part: the comparison that supports the claim least, or refutes it.
        stated: the one that has the claim's margin.
        interval: the estimate with its repeated interval.
        parts: the comparisons of the claim.
    """
    claimed = f"Claimed: {clean(claimed_text(claim, measure, stated.region, stated.per))}."
    where = decision.text
    where = f"{where[:1].upper()}{where[1:]}."
    if verdict == "untested":
        return f"{clean(part.label)}: no complete pair yet. {claimed} {where}"
    estimate, low, high = interval
    when = " at the look that decided it" if decision.stage == "decided" else " at the last look"
    effect = f"{clean(part.label)}: {_effect(claim, estimate, measure)}{clean(part.per)}{when}"
    ends = _interval(claim, estimate, low, high, measure) if _is_readable(low, high, measure) else "unlimited"
    of_many = f"; the weakest of {parts} comparisons" if parts > 1 else ""
    basis = f"repeated 95% interval {ends}; {count(pairs, 'pair')}{of_many}; adjusted p {_p_value(p_adjusted)}"
    return f"{effect} ({basis}). {claimed} {where}"


def _is_readable(low: float, high: float, measure: Measure) -> bool:
    """Return whether an interval is not so wide that it excludes nothing, as at a first look, which spends little."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return False
    return not measure.is_log or (low > -WIDEST and high < WIDEST)


def _outlook(part: Part, measure: Measure, seeds_needed: int | None, detectable: float) -> str:
    """Return how many seeds would decide a claim, planned on its margin; without one, what these seeds could show."""
    if seeds_needed is None:
        size = amount(detectable, is_log=measure.is_log).lstrip("+")
        return f"These runs would have shown an effect of {size} with probability 0.8."
    truth = "the effect is twice the margin" if part.region.is_beyond else "there is no effect"
    if seeds_needed > MOST_SEEDS:
        return f"A new study would need more than {MOST_SEEDS} seeds to decide it with probability 0.8 if {truth}."
    return f"A new study of {count(seeds_needed, 'seed')} would decide it with probability 0.8 if {truth}."


def claimed_text(  # noqa: PLR0911 - a case per expectation
    claim: Claim, measure: Measure, region: Region | None = None, per: str = ""
) -> str:
    """Return what a claim expects, e.g. ``decrease by at least 1%``.

    Args:
        claim: the claim.
        measure: its metric.
        region: where it puts the effect, if it is known: it has margins in percent in the metric's unit too.
        per: what the effect of a trend is a change per.
    """
    size = math.nan if region is None else region.margin
    if isinstance(claim.statement, Divergence):
        return f"{'fewer' if claim.expect == 'decrease' else 'more'} runs fail"
    falls = claim.expect in ("decrease", "below")
    least = margin_text(claim.at_least, measure, size, falls=falls)
    margin = f" by at least {least}" if _is_positive(claim.at_least) else ""
    match claim.expect:
        case "decrease" | "below" | "increase" | "above":
            return f"{claim.expect}{margin}"
        case "grows" | "shrinks":
            falls = (claim.expect == "grows") == (measure.sign > 0)
            least = margin_text(claim.at_least, measure, size, falls=falls)
            return f"the gain {claim.expect}{f' by at least {least}{per}' if _is_positive(claim.at_least) else ''}"
        case "persists":
            most = margin_text(claim.within, measure, size, falls=measure.sign < 0)
            return f"the gain persists: it shrinks by less than {most}{per}, and is there at the largest level"
        case "no_worse":
            return f"worse by less than {margin_text(claim.within, measure, size, falls=measure.sign < 0)}"
    if isinstance(claim.statement, Ordering):
        return f"{ordering_text(claim.statement)}{margin}"
    return f"equal within {margin_text(claim.within, measure, size)}"


def margin_text(margin: Margin | None, measure: Measure, size: float = math.nan, *, falls: bool = False) -> str:
    """Return a margin in its own unit and that of effects, e.g. ``1%``, ``1% (0.012)`` or ``0.05 nats (5.1%)``.

    Args:
        margin: as the study file has it.
        measure: of the metric.
        size: on the metric's scale, which is shown beside a percentage of a metric on a linear one; NaN if unknown.
        falls: whether the margin is that of a decrease.
    """
    if isinstance(margin, str):
        text = margin.replace(" ", "")
        return text if measure.is_log or not math.isfinite(size) else f"{text} ({size:.3g})"
    if not measure.is_log or not margin:
        return f"{margin or 0:g} nats" if measure.is_log else f"{margin or 0:g}"
    return f"{margin:g} nats ({_change_of(margin, falls=falls)})"


def _change_of(nats: float, *, falls: bool) -> str:
    """Return by how many percent a metric on a log scale changes."""
    return f"{number(abs(100.0 * math.expm1(-nats if falls else nats)), 2)}%"


def change_text(factor: str, start: Level, to: Level) -> str:
    """Return a change of one factor, e.g. ``depth from 2 to 4``."""
    return f"{factor} from {level_name(start)} to {level_name(to)}"


def is_change(claim: Claim) -> bool:
    """Return whether a claim is about a change, whose two sides have a name each."""
    return isinstance(claim.statement, Contrast | ArmContrast | Divergence)


def missing_notes(claim: Claim, found: Evidence, measure: Measure) -> tuple[str, ...]:
    """Return notes on the trials that a claim lacks: pruned, failed, not ended, or completed without the metric."""
    states = [state for _, state in found.missing]
    open_trials = sum(state in ("waiting", "running") for state in states)
    notes = []
    if "failed" in states:
        failed = count(states.count("failed"), "failed trial counts", "failed trials count")
        others = "the estimate is that of the other pairs" if found.is_complete else "no pair is without one"
        notes.append(f"{failed} as the worst; {others}.")
        start, end = found.headline.failed
        shares = f"from {start}, to {end}" if is_change(claim) else str(found.failed)
        notes.append(f"Diverged or failed: {shares}.")
    if "pruned" in states:
        notes.append(f"Left out: {count(states.count('pruned'), 'pruned trial')}, and the runs paired with them.")
        notes.append("The p-values are the largest that any final values of the pruned trials could give.")
    if open_trials:
        notes.append(f"{count(open_trials, 'trial has', 'trials have')} not ended yet: the verdict is not final.")
    without = [trial for trial, state in found.missing if state == "completed"]
    absent = [trial for trial in without if trial not in measure.raw]
    if absent:
        notes.append(f"{count(len(absent), 'completed trial')} did not report {measure.metric.name}.")
    useless = _useless(sorted(set(without) - set(absent)), measure)
    undecided = "To leave out such trials could favor either side, so the claim is undecided."
    is_barred = found.is_complete and len(without) > len(absent)
    return (*notes, *useless, *([undecided] if is_barred else []))


def _useless(trials: Sequence[int], measure: Measure) -> Iterator[str]:
    """Yield notes on trials whose value cannot be compared, by the reason."""
    reasons: dict[str, list[str]] = {}
    for trial in trials:
        value, _, reason = measure.why_not(measure.raw[trial]).partition(" ")
        reasons.setdefault(reason, []).append(value)
    for reason, values in reasons.items():
        shown = listed([*dict.fromkeys(values)][:MOST_VALUES])
        remedy = " Set metric.scale: linear to compare them as they are." if "logarithm" in reason else ""
        yield (
            f"{count(len(values), 'completed trial')} cannot be compared: {measure.metric.name} of {shown} "
            f"{reason}.{remedy}"
        )


def heterogeneity_note(found: Evidence, measure: Measure) -> str:
    """Return a note on an effect that differs between strata, such as datasets; empty if none does.

    Of several comparisons it is the one that keeps the claim undecided; it is named unless it is the one that is shown.
    """
    parts = sorted(found.parts, key=lambda part: part is not found.headline)
    notes = {part.label: note for part in parts if (note := _apart_note(part, measure)) is not None}
    if not notes:
        return ""
    label = next((label for label, (_, bars) in notes.items() if bars), next(iter(notes)))
    of = "" if label == found.headline.label else f" of another comparison, {clean(label)},"
    return f"The effect{of} {notes[label][0]}"


def _apart_note(part: Part, measure: Measure) -> tuple[str, bool] | None:
    """Return in what strata or levels an effect differs, as the end of a sentence, and whether that bars a verdict."""
    effects = effects_apart(part)
    is_log = measure.is_log and part.exact is None  # else the effects are those of shares of runs
    if same_effect_p(list(effects.values())) < DIFFERS:
        each = [f"{amount(effect.value, is_log=is_log)} at {clean(name)}" for name, effect in effects.items()]
        bars = hides_blocks(part)
        undecided = ", so the claim on it is undecided" if bars else ""
        return f"differs between strata: {listed(each)}. Their mean is that of none of them{undecided}.", bars
    opposite = opposite_levels(part) if part.exact is None else None
    if opposite is None:
        return None
    factor, levels = opposite
    shown = {level_text(key): amount(effect.value, is_log=is_log) for key, effect in levels.items()}
    each = [f"{text} at {clean(level)}" for level, text in shown.items()]
    undecided = "Their mean is that of none of them, so the claim on it is undecided. Name one with “where”."
    return f"differs between levels of {factor}: {listed(each)}. {undecided}", True


def exploratory_note(reasons: Sequence[str]) -> str:
    """Return a note on why a verdict is exploratory."""
    return f"Exploratory: {'; '.join(reasons)}."


def declared_note(verdict: Verdict, p_support: float, p_refute: float) -> str:
    """Return a note on the verdict by the trials that were declared before there were results."""
    p = p_refute if verdict == "refuted" else p_support
    return f"By the trials declared before the first results: {verdict} (adjusted p {_p_value(p)})."


def convergence_note(verdict: Verdict, found: Evidence) -> str:
    """Return a note on the verdict that there would be if no run had failed."""
    ended = failed_share(cell for part in found.parts for cell in part.pushing)
    return f"The claim would be {verdict} if runs converged; {ended.runs - ended.diverged} of {ended.runs} did."


def reachable_note(reachable: Sequence[Verdict]) -> str:
    """Return a note on the other verdicts that pruned and failed trials could have led to."""
    return f"Had the pruned or failed trials ended otherwise, the verdict could have been {' or '.join(reachable)}."


def ordering_text(statement: Ordering) -> str:
    """Return what an ordering states, e.g. ``dropout has the largest gain``."""
    if statement.order:
        return f"gains fall in the order {', '.join(statement.order)}"
    return f"{statement.largest} has the largest gain"


def _is_positive(margin: Margin) -> bool:
    return str(margin).strip() not in ("0", "0.0", "0%")


def _effect(claim: Claim, value: float, measure: Measure) -> str:
    """Return an effect: ``validation perplexity 4.90% lower``; with a sign where it is a difference of effects."""
    metric = metric_name(measure.metric.name)
    if not has_direction(claim) or not math.isfinite(value):
        return f"{amount(value, is_log=measure.is_log)} in {metric}"
    size = _size(amount(value, is_log=measure.is_log))
    return f"{metric} {size} {'lower' if value < 0 else 'higher'}" if value else f"{metric} unchanged"


def _interval(claim: Claim, value: float, low: float, high: float, measure: Measure) -> str:
    """Return the ends of an interval, without signs where the effect's word says the direction of both."""
    ends = [amount(end, is_log=measure.is_log) for end in (low, high)]
    if not has_direction(claim) or not all(map(math.isfinite, (value, low, high))) or not value * low * high:
        return " to ".join(ends)
    if low < 0 < high:
        return " to ".join(ends)
    return " to ".join(map(_size, ends if low > 0 else reversed(ends)))


def has_direction(claim: Claim) -> bool:
    """Return whether an effect is a change of the metric itself, which is lower or higher."""
    return isinstance(claim.statement, Contrast | ArmContrast | Constant)


def _size(amount: str) -> str:
    return amount.lstrip("+\u2212")


def amount(value: float, *, is_log: bool) -> str:
    """Return an effect with its unit: percent of a difference of logarithms, else its own."""
    if is_log:
        return percent(value, DECIMALS)
    size = 0 if value == 0 or not math.isfinite(value) else math.floor(math.log10(abs(value)))
    return signed(value, max(2 - size, 0))


def _pairs(part: Part) -> str:
    if "paired" in part.effect.method:
        return count(part.effect.n, "seed" if part.offset else "pair")
    return f"{count(part.effect.n, 'run')} per level"


def _p_value(p: float) -> str:
    if math.isnan(p):
        return "unknown"
    return "< 0.001" if p < 0.001 else f"= {number(p, 2)}"
