"""Which factors matter in a search or a large design, with pruned trials counted as far as they went."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from reports import wording
from reports.figures.shares import attribution_figures, importance_figures
from reports.sections import factor_titles, points
from reports.sections.blocks import Block, Heading, Inline, Paragraph, Plot, Section, plain
from reports.sections.context import Context
from reports.sections.effects import STEPWISE, shown_of
from reports.sections.estimates import in_unit
from reports.sections.strata import stratum_name
from sweeper.errors import MissingExtraError
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.effects.attribution import Attribution, phase_attribution
from sweeper.evidence.effects.importance import PhaseImportance, phase_importance

SEARCHES: Final = ("sampler", "list", "grid", "promote")
MOST_TRIALS: Final = 1000
FACTORIALS: Final = ("grid", "fractional", "list", "leave_one_out")


def importance(context: Context) -> Section | None:
    """Return the section; None if no phase is large enough."""
    blocks: list[Block] = []
    for phase in context.study.phases:
        name, design = phase.name, phase.design.kind
        found = [*_attributed(context, name, design), *_searched(context, name, design)]
        if found and len(context.study.phases) > 1:
            blocks.append(Heading(text=wording.clean(name)))
        blocks += found
    if not blocks:
        return None
    counted = points.counted(context.data, context.metric).strip()
    intro = [Paragraph(text=plain(counted))] if counted else []
    return Section(anchor="importance", title="Which factors matter most", blocks=(*intro, *blocks), appendix=True)


def _attributed(context: Context, phase: str, design: str) -> list[Block]:
    strata = phase_attribution(context.runs, phase) if design in FACTORIALS else {}
    if not strata:
        return []
    percent, sign = all(found.scale == "log" for found in strata.values()), context.runs.measure.sign

    def shown(gain: float | None) -> float | None:
        return None if gain is None else -sign * in_unit(-sign * gain, percent=percent)

    shares = {
        stratum_name(context, phase, name): {
            each.factor: {
                "Shapley": shown(each.shapley),
                "added alone": shown(each.add_one),
                "left out of all": shown(each.leave_one_out),
            }
            for each in found.factors
        }
        for name, found in strata.items()
    }
    label = f"{context.metric_name} gained" + (" (%)" if percent else "")
    gains = {name: {factor: share["Shapley"] or 0.0 for factor, share in own.items()} for name, own in shares.items()}
    title = factor_titles.attribution_title(phase, gains, _clear(context, phase), percent=percent)
    caption = _attribution_caption(list(strata.values()), len(context.runs.phases[phase].by_stratum))
    drawings = attribution_figures(f"attribution-{context.slugs[phase]}", title, shares, label, percent=percent)
    return [Plot(drawing=drawing, caption=caption) for drawing in drawings]


def _clear(context: Context, phase: str) -> frozenset[str]:
    """Return the factors of a phase whose effects are shown, or shown to depend on something."""
    own = [effect for effect in context.effects if effect.phase == phase and effect.kind not in STEPWISE]
    if not own:
        return frozenset(context.runs.factors)
    shown = shown_of(context, phase, own)
    named = {each.factor for each in shown if each.shown != "unclear" or each.depends is not None}
    return frozenset(named | {each.depends.factor for each in shown if each.depends is not None})


def _attribution_caption(found: Sequence[Attribution], total: int) -> Inline:
    text = (
        "The gain of all factors together, attributed to each. A Shapley value is the mean gain of adding a factor, "
        "over all orders in which the factors could be added. Next to it: the gain of the factor alone, and the loss "
        "without it. Where these differ, factors share their gains."
    )
    if any(each.fitted for each in found):
        text += " Combinations that were not run come from the fitted main effects and two-way interactions."
    return plain(text + _left_out(len(found), total))


def _left_out(shown: int, total: int) -> str:
    """Return that strata are not averaged, and how many of them are not there because runs are missing."""
    if total < 2:
        return ""
    missing = f", {total - shown} of {total} left out because runs are missing" if shown < total else ""
    return f" Each stratum separately{missing}."


def _searched(context: Context, phase: str, design: str) -> list[Block]:
    if design not in SEARCHES:
        return []
    strata = {
        name: [trial for cell in own.cells for trial in cell.all_trials]
        for name, own in context.runs.phases[phase].by_block.items()
    }
    members = strata or {"": list(context.data.members[phase])}
    try:
        every = {
            name: phase_importance(_fewer(context.data, phase, own), context.runs, phase)
            for name, own in members.items()
        }
    except MissingExtraError as error:
        return [Paragraph(text=plain(f"Not computed: {error}. Then write the report again."))]
    aliased = list(dict.fromkeys(name for each in every.values() if each is not None for name in each.aliased))
    found = {name: each for name, each in every.items() if each is not None and not each.aliased}
    if not found and aliased and design == "sampler":  # the runs of a design were chosen so
        names = wording.listed([wording.clean(name) for name in aliased])
        return [Paragraph(text=plain(f"No importances: {names} are aliased, since they always change together."))]
    if not found:
        return []
    factors = {
        stratum_name(context, phase, name): [
            (each.factor, each.fanova, each.fanova_sd, each.ped_anova) for each in own.factors
        ]
        for name, own in found.items()
    }
    shares = {name: {factor: share for factor, share, *_ in own} for name, own in factors.items()}
    title = factor_titles.importance_title(phase, shares)
    drawings = importance_figures(f"importance-{context.slugs[phase]}", title, factors)
    caption = _importance_caption(list(found.values()), members, len(strata))
    return [Plot(drawing=drawing, caption=caption) for drawing in drawings]


def _fewer(data: StudyData, phase: str, members: Sequence[int]) -> StudyData:
    """Return the study with at most `MOST_TRIALS` of a phase's trials, evenly spaced.

    A larger forest shows the same, slowly.
    """
    step = max(len(members) / MOST_TRIALS, 1.0)
    chosen = tuple(members[int(place * step)] for place in range(min(len(members), MOST_TRIALS)))
    return replace(data, members={**data.members, phase: chosen})


def _importance_caption(found: Sequence[PhaseImportance], members: Mapping[str, Sequence[int]], total: int) -> Inline:
    num_trials = max(map(len, members.values()))
    most = f"{'at most ' if total else ''}{MOST_TRIALS} trials{' a stratum' if total else ''}, evenly spaced"
    chosen = f" (of {most} among {num_trials})" if num_trials > MOST_TRIALS else ""
    censored, left_out = (sum(getattr(each, name) for each in found) for name in ("num_censored", "num_left_out"))
    completed = wording.count(sum(each.num_completed for each in found), "completed trial")
    text = (
        f"Importance over {completed}{chosen}. Bars: the share of the "
        "variance that a factor explains alone (functional ANOVA of a random forest, Hutter et al. 2014), with the "
        "standard deviation over the trees. Diamonds: how much its levels differ between the best trials and all "
        "trials (PED-ANOVA, Watanabe et al. 2023)."
    )
    if censored:
        text += f" {wording.count(censored, 'trial')} pruned or diverged: their values are imputed within bounds."
    if left_out:
        text += f" {wording.count(left_out, 'failed trial')} without bounds left out."
    return plain(text + _left_out(len(found), total))
