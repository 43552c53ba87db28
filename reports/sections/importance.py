"""Which factors matter in a search or a large design, with pruned trials counted as far as they went."""

from dataclasses import replace
from typing import Final

from reports import wording
from reports.figures.shares import attribution_figure, importance_figure
from reports.sections import titles
from reports.sections.blocks import Block, Heading, Inline, Paragraph, Plot, Section, plain
from reports.sections.context import Context
from sweeper.errors import MissingExtraError
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.effects.attribution import Attribution, phase_attribution
from sweeper.evidence.effects.importance import PhaseImportance, phase_importance
from sweeper.evidence.statistics.paired import percent_change

SEARCHES: Final = ("sampler", "list", "grid", "promote")
MOST_TRIALS: Final = 1500
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
    return (
        Section(anchor="importance", title="Which factors matter most", blocks=tuple(blocks), appendix=True)
        if blocks
        else None
    )


def _attributed(context: Context, phase: str, design: str) -> list[Block]:
    found = phase_attribution(context.runs, phase) if design in FACTORIALS else None
    if found is None:
        return []
    percent = found.scale == "log"

    def shown(value: float | None) -> float | None:
        return value if value is None or not percent else -percent_change(-value)

    shares = {
        each.factor: {
            "Shapley": shown(each.shapley),
            "added alone": shown(each.add_one),
            "left out of all": shown(each.leave_one_out),
        }
        for each in found.factors
    }
    label = f"{context.metric_name} gained" + (" (%)" if percent else "")
    gains = {factor: share["Shapley"] or 0.0 for factor, share in shares.items()}
    title = titles.attribution_title(phase, gains, percent=percent)
    drawing = attribution_figure(f"attribution-{context.slugs[phase]}", title, shares, label, percent=percent)
    return [Plot(drawing=drawing, caption=_attribution_caption(found))]


def _attribution_caption(found: Attribution) -> Inline:
    text = (
        "The gain of all factors together, attributed to each. A Shapley value is the mean gain of adding a factor, "
        "over all orders in which the factors could be added. Next to it: the gain of the factor alone, and the loss "
        "without it. Where these differ, factors share their gains."
    )
    if found.fitted:
        text += " Combinations that were not run come from the fitted main effects and two-way interactions."
    return plain(text)


def _searched(context: Context, phase: str, design: str) -> list[Block]:
    if design not in SEARCHES:
        return []
    try:
        found = phase_importance(_fewer(context.data, phase), context.runs, phase)
    except MissingExtraError as error:
        return [Paragraph(text=plain(f"Not computed: {error}. Then write the report again."))]
    if found is None:
        return []
    if found.aliased and design != "sampler":
        return []  # the runs of a design were chosen so
    if found.aliased:
        names = wording.listed([wording.clean(name) for name in found.aliased])
        return [Paragraph(text=plain(f"No importances: {names} are aliased, since they always change together."))]
    factors = [(each.factor, each.fanova, each.fanova_sd, each.ped_anova) for each in found.factors]
    title = titles.importance_title(phase, {name: share for name, share, *_ in factors})
    drawing = importance_figure(f"importance-{context.slugs[phase]}", title, factors)
    return [Plot(drawing=drawing, caption=_importance_caption(found, len(context.data.members[phase])))]


def _fewer(data: StudyData, phase: str) -> StudyData:
    """Return the study with at most `MOST_TRIALS` in a phase, evenly spaced: a larger forest shows the same, slowly."""
    members = data.members[phase]
    if len(members) <= MOST_TRIALS:
        return data
    step = len(members) / MOST_TRIALS
    chosen = tuple(members[int(place * step)] for place in range(MOST_TRIALS))
    return replace(data, members={**data.members, phase: chosen})


def _importance_caption(found: PhaseImportance, num_trials: int) -> Inline:
    chosen = f" (of {MOST_TRIALS} trials, evenly spaced among {num_trials})" if num_trials > MOST_TRIALS else ""
    text = (
        f"Importance over {wording.count(found.num_completed, 'completed trial')}{chosen}. Bars: the share of the "
        "variance that a factor explains alone (functional ANOVA of a random forest, Hutter et al. 2014), with the "
        "standard deviation over the trees. Diamonds: how much its levels differ between the best trials and all "
        "trials (PED-ANOVA, Watanabe et al. 2023)."
    )
    if found.num_censored:
        text += (
            f" {wording.count(found.num_censored, 'trial')} pruned or diverged: their values are imputed within bounds."
        )
    if found.num_left_out:
        text += f" {wording.count(found.num_left_out, 'failed trial')} without bounds left out."
    return plain(text)
