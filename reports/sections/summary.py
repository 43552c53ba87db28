"""The answer first: the best trial, the verdicts, and what is unfinished."""

from collections.abc import Mapping
from typing import Final

from reports import wording
from reports.sections.best import best_sentences
from reports.sections.blocks import Block, Facts, Inline, Paragraph, Section, plain, rich, strong
from reports.sections.context import Context, is_finite
from reports.sections.verdicts import claims_headline

_POINTS: Final = {
    "best": "a trial's value is the best of its curve",
    "last": "a trial's value is its last one",
    "mean_of_last": "a trial's value is the mean of its last ones",
    "best_length": "a trial's value is the best of its curve, and claims compare each configuration at its best length",
}


def summary(context: Context) -> Section:
    """Return the first section of every report."""
    lead = best_sentences(context)
    if context.best is None:
        lead = [plain(f"No trial has completed yet, so there is no {context.metric_name} to report.")]
    blocks: list[Block] = [Paragraph(text=text, lead=place == 0) for place, text in enumerate(lead)]
    blocks += [Paragraph(text=text) for text in _cautions(context)]
    blocks += claims_headline(context)
    return Section(anchor="summary", title="Summary", blocks=tuple(blocks))


def the_study(context: Context) -> Section:
    """Return the section with what the study is: its size, its corpora and its dates."""
    blocks: list[Block] = [Paragraph(text=_trials(context))]
    blocks += [Paragraph(text=_corpus(corpus)) for corpus in context.corpora]
    return Section(anchor="study", title="The study", blocks=(*blocks, Facts(pairs=_facts(context))), appendix=True)


def _corpus(corpus: Mapping[str, object]) -> Inline:
    name = wording.clean(str(corpus.get("name", "unnamed")))
    unigram = corpus.get("unigram_perplexity")
    sizes = [
        f"{wording.grouped(corpus[key])} {words}"
        for key, words in (
            ("train_tokens", "training tokens"),
            ("valid_tokens", "validation tokens"),
            ("test_tokens", "test tokens"),
            ("vocabulary", "words in the vocabulary"),
        )
        if isinstance(corpus.get(key), int)
    ]
    text = f"The corpus is {name}" + (f": {wording.listed(sizes)}." if sizes else ".")
    if not is_finite(unigram):
        return plain(text)
    return rich(f"{text} The perplexity of the unigram model is ", strong(wording.perplexity(unigram)), ".")


def _trials(context: Context) -> Inline:
    states = context.trials["state"].value_counts()
    order = ("completed", "pruned", "failed", "running", "waiting")
    parts = [f"{wording.grouped(int(states[state]))} {state}" for state in order if states.get(state)]
    listed = f" ({wording.listed(parts)})" if parts else ""
    size = (
        f"The study has {wording.count(len(context.study.phases), 'phase')} and "
        f"{wording.count(len(context.trials), 'trial')}{listed}."
    )
    if context.is_imported:
        return plain(f"{size} They were imported from another tool, so their device time is unknown.")
    return rich(
        f"{size} It has taken ",
        strong(wording.duration(context.device_seconds)),
        " of device time, including failed attempts.",
    )


def _cautions(context: Context) -> list[Inline]:
    found: list[Inline] = []
    if context.unfinished:
        found.append(
            rich(
                strong("The study is not finished."),
                f" {context.unfinished} of {wording.count(len(context.trials), 'trial')} had not ended when this "
                "report was made. Effects rest on the complete pairs so far and may change.",
            )
        )
    if context.data.cancelled_at is not None:
        when = wording.time_text(context.data.cancelled_at)
        found.append(rich(strong(f"The study was cancelled on {when}.")))
    for changed, lines in context.data.changes:
        shown = "; ".join(wording.clean(line) for line in lines)
        found.append(rich(strong(f"The study file was changed on {wording.time_text(changed)}:"), f" {shown}."))
    return found


def _facts(context: Context) -> tuple[tuple[str, Inline], ...]:
    data, less = context.data, "less" if context.metric.minimizes else "more"
    path = context.study.path
    pairs = [
        ("Metric", f"{wording.clean(context.metric.name)}, {less} is better; {_POINTS[context.metric.value.kind]}"),
        ("Study file", wording.clean(str(path or wording.UNKNOWN))),
        ("Imported" if context.is_imported else "Launched", wording.time_text(data.launched_at)),
        ("Report created", wording.time_text(context.now.timestamp())),
    ]
    if context.study.device_hours is not None:
        pairs.insert(2, ("Budget", wording.device_hours(context.study.device_hours)))
    return tuple((name, plain(text)) for name, text in pairs)
