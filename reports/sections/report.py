"""The whole report of a study: its sections in order."""

from datetime import datetime

from reports import wording
from reports.sections.ablations import ablations
from reports.sections.best import best
from reports.sections.blocks import Report
from reports.sections.context import Context, make_context
from reports.sections.costs import costs
from reports.sections.data_size import data_size
from reports.sections.effects import effects
from reports.sections.environment import environment
from reports.sections.importance import importance
from reports.sections.learning import learning
from reports.sections.ledger import ledger
from reports.sections.lengths import lengths
from reports.sections.looks import looks
from reports.sections.methods import methods
from reports.sections.outcomes import outcomes
from reports.sections.running import running
from reports.sections.summary import summary, the_study
from reports.sections.trends import trends
from reports.sections.trials import trials
from reports.sections.verdicts import claim_details
from sweeper.evidence.data.load import StudyData

ORDER = (
    summary, running, best, lengths, effects, trends, data_size, ablations, learning, costs, outcomes,
    claim_details, looks, importance, ledger, trials, the_study, environment,
)  # fmt: skip


def study_report(data: StudyData, now: datetime, context: Context | None = None) -> Report:
    """Return the whole report of one study; `context` is that of these, if it is known."""
    context = context or make_context(data, now)
    sections = tuple(found for write in ORDER if (found := write(context)) is not None)
    sections += (methods(context, sections),)
    return Report(
        title=wording.clean(data.study.name),
        subtitle=wording.clean(data.study.description),
        byline=_byline(context),
        sections=sections,
        trials=context.labels,
    )


def _byline(context: Context) -> str:
    cost = "imported" if context.is_imported else f"{wording.duration(context.device_seconds)} of device time"
    return (
        f"{wording.count(len(context.trials), 'trial')} in {wording.count(len(context.study.phases), 'phase')}, "
        f"{cost}. Report of "
        f"{wording.time_text(context.now.timestamp())}."
    )
