"""The methods behind the numbers, and their sources."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reports import wording
from reports.sections.blocks import Block, Heading, Listing, Paragraph, Plot, Section, Table, plain
from reports.sections.context import Context
from sweeper.evidence.sequential.paths import least_refutation

LOG = (
    "Perplexities are compared by their natural logarithms, so a difference stands for a ratio and is reported as a "
    "change in percent."
)
LINEAR = "The metric is compared as measured, without a logarithm."
PAIRS = (
    "Seed k is the same in every configuration of a phase{fixes}. Effects are means of differences within such pairs, "
    "with all other factors equal, and their intervals are Student's t."
)
ONE_INTERVAL = (
    "A comparison has one estimate and one interval wherever it is shown: those of the claim about it, or those that a "
    "claim on it would have. Titles of figures name only effects that claims show, or that differ from zero with all "
    "effects of the figure considered at once (Bonferroni). A title says that an effect depends on a stratum or on "
    "another factor only if a test of the difference shows it."
)
TRENDS = (
    "The slope of a trend is that of the least-squares line through the effects at all levels, formed within each "
    "seed, so that what the runs of a seed share cancels. Levels above 0 count by their logarithm to base 2: the slope "
    "is a change per doubling. The prediction interval beyond the largest level adds the error of as many new seeds as "
    "there are; it assumes that the line continues, which no run shows."
)
WORTH = (
    "What an effect is worth in compute or data is found on the line of the reference configuration: the logarithm of "
    "its metric over the logarithm of its budget or amount of data, straight between the amounts that were run. Where "
    "that line reaches the value of the other configuration is the amount that the change is worth, divided by the "
    "amount that was used. Its 95% interval is Fieller\u2019s, by seeds. Nothing is said beyond the amounts that were "
    "run."
)
CLAIMS = (
    "A claim is supported if the adjusted p-value of its denial is below 0.05, refuted if that of the claim itself "
    "is, and undecided otherwise. P-values are adjusted by Holm's method over all claims that the study declares, "
    "which keeps the probability of any false verdict below 5%."
)
EXPLORATORY = (
    " That does not hold for exploratory verdicts, which rest on claims or runs that were added or changed after there "
    "were results: adding seeds until a claim is decided gives false verdicts in up to 20% of studies."
)
EQUIVALENCE = " An equivalence is tested by two one-sided tests."
ORDERING = " An ordering is tested by intersection and union of its comparisons."
LOOKS = "Seeds were added until claims were decided. A claim is looked at once all runs of its next seed have ended. "
SPENDING = (
    "What looks share is known exactly for t statistics, so the error is spent over them without loss, by the rule of "
    "{name} (Lan and DeMets). "
)
ANYTIME = (
    "P-values and intervals of claims without a maximum of seeds hold at any time: they are mixtures of t likelihood "
    "ratios (Wang and Ramdas). "
)
REPEATED = "Intervals of claims are repeated confidence intervals (Jennison and Turnbull). "
FUTILITY = (
    "A claim is given up once the probability of support by its last seed is below {support:g}%, and that of "
    "a refutation below {refutation:g}%, which the error does not count on."
)
NO_FUTILITY = "No claim is given up before its last seed."
SPENDINGS: Final = {
    "obrien_fleming": "O\u2019Brien and Fleming", "kim_demets": "Kim and DeMets", "pocock": "Pocock",
}  # fmt: skip
SELECTION = "A trial's value is the {point} of the metric that its program reported."
TESTED_ONCE = " Test text is evaluated once, with the weights that were best on validation text."
TESTED_ALWAYS = (
    " Test text is read at every evaluation, and nothing is chosen by it: a trial's test value is that of the weights "
    "that were best on validation text, and what is compared at a length is the test of the weights at that length."
)
BEST_OF_MANY = " The best of many trials looks better than it is, by chance: its gain is not an effect."
LOST = (
    "Trials that were pruned, failed or have not ended have no value to compare. Estimates, intervals and means leave "
    "their pairs out and count them as missing. The p-values of claims count runs that diverged or failed as the worst "
    "(pairs with other missing runs are left out), and verdicts are also computed with all these trials at their best "
    "and at their worst."
)
COST = (
    "Device time is the wall-clock time of a trial's processes on its device, including failed attempts, times its "
    "share of the device."
)
TRAINER_FLOPS = " FLOPs are those of training, computed from the model's shapes."
FLOPS = " FLOPs are those that the program reported."
# What a method is called where a report uses it, and its source.
REFERENCES: Final[Mapping[str, str]] = {
    "Dodge et al.": "Dodge, Gururangan, Card, Schwartz and Smith (2019). Show Your Work: Improved Reporting of "
    "Experimental Results. EMNLP.",
    "Fieller": "Fieller (1954). Some Problems in Interval Estimation. Journal of the Royal Statistical Society B 16.",
    "Holm": "Holm (1979). A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian Journal of Statistics "
    "6.",
    "Hsu": "Hsu (1984). Constrained Simultaneous Confidence Intervals for Multiple Comparisons with the Best. "
    "Annals of Statistics 12.",
    "Hutter et al.": "Hutter, Hoos and Leyton-Brown (2014). An Efficient Approach for Assessing Hyperparameter "
    "Importance. ICML.",
    "Jennison and Turnbull": "Jennison and Turnbull (1989). Interim Analyses: The Repeated Confidence Interval "
    "Approach. Journal of the Royal Statistical Society B 51.",
    "Kim and DeMets": "Kim and DeMets (1987). Design and Analysis of Group Sequential Tests Based on the Type I Error "
    "Spending Rate Function. Biometrika 74.",
    "Lan and DeMets": "Lan and DeMets (1983). Discrete Sequential Boundaries for Clinical Trials. Biometrika 70.",
    "two one-sided tests": "Schuirmann (1987). A Comparison of the Two One-Sided Tests Procedure and the Power "
    "Approach for Assessing the Equivalence of Average Bioavailability. Journal of Pharmacokinetics and "
    "Biopharmaceutics 15.",
    "Shapley": "Shapley (1953). A Value for n-Person Games. Contributions to the Theory of Games II.",
    "Wang and Ramdas": "Wang and Ramdas (2024). Anytime-Valid t-Tests and Confidence Sequences for Gaussian Means with "
    "Unknown Variance. Sequential Analysis 44.",
    "Watanabe et al.": "Watanabe, Bansal and Hutter (2023). PED-ANOVA: Efficiently Quantifying Hyperparameter "
    "Importance in Arbitrary Subspaces. IJCAI.",
}


def methods(context: Context, sections: Sequence[Section]) -> Section:
    """Return the section with the methods that this study uses, and the sources that the other sections cite."""
    texts = [LOG if context.metric.is_log else LINEAR, *_program_texts(context)]
    if context.verdicts:
        texts.insert(2, _claims_text(context))
    if context.verdicts and context.decisions is not None:
        texts.insert(3, _looks_text(context))
    texts += [*([ONE_INTERVAL] if context.effects else []), *_trend_texts(context)]
    blocks: list[Block] = [Paragraph(text=plain(text)) for text in texts]
    said = " ".join([*texts, *_captions(sections)])
    cited = [source for name, source in REFERENCES.items() if name in said]
    if cited:
        blocks += [Heading(text="References"), Listing(items=tuple(plain(text) for text in cited))]
    return Section(anchor="methods", title="Methods", blocks=tuple(blocks), appendix=True)


def _program_texts(context: Context) -> list[str]:
    """Return the texts that depend on the program: sweeper knows what the built-in trainer does, and of no other."""
    is_trainer = context.study.trial.is_trainer
    value = context.metric.value
    point = (
        f"{value} values" if value.kind == "mean_of_last" else "best value" if value.takes_best else f"{value} value"
    )
    flops = (TRAINER_FLOPS if is_trainer else FLOPS) if context.trials["flops"].notna().any() else ""
    return [
        PAIRS.format(fixes=": it fixes initialization, data order and dropout" if is_trainer else ""),
        SELECTION.format(point=point) + (_test_text(context) if is_trainer else "") + BEST_OF_MANY,
        LOST,
        COST + flops,
    ]


def _test_text(context: Context) -> str:
    """Return when the trainer read the test text, as it resolved each trial, or by the study file if none has run."""
    configs = [result.get("config") for result in context.data.results.values()]
    found = [_test_option(config) for config in configs if config is not None] or [
        _test_option(context.study.trial.config)
    ]
    always, once = found.count("each_look"), found.count(True)
    if not (always and once):
        return TESTED_ALWAYS if always else TESTED_ONCE if once else ""
    some = f" In {wording.count(always, 'trial')}, test text is read"
    others = f" In {wording.count(once, 'other')}, test text is"
    return TESTED_ALWAYS.replace(" Test text is read", some) + TESTED_ONCE.replace(" Test text is", others)


def _test_option(config: object) -> object:
    """Return ``evaluation.test`` of a configuration of the trainer, which is true by default."""
    options = config.get("evaluation") if isinstance(config, Mapping) else None
    return options.get("test", True) if isinstance(options, Mapping) else True


def _claims_text(context: Context) -> str:
    claims = context.study.claims
    equivalence = EQUIVALENCE if any(claim.form == "equivalence" or claim.expect == "equal" for claim in claims) else ""
    ordering = ORDERING if any(claim.form == "ordering" for claim in claims) else ""
    exploratory = EXPLORATORY if any(verdict.is_exploratory for verdict in context.verdicts) else ""
    return CLAIMS + exploratory + equivalence + ordering


def _trend_texts(context: Context) -> list[str]:
    """Return how trends and the worth of effects are computed, where there are any."""
    has_trend = any(verdict.trend is not None for verdict in context.verdicts)
    has_worth = any(found.is_known for verdict in context.verdicts for found in verdict.felt)
    return [text for text, is_there in ((TRENDS, has_trend), (WORTH, has_worth)) if is_there]


def _looks_text(context: Context) -> str:
    decide = context.study.decide
    endless = [phase.adaptive.most is None for phase in context.study.phases if phase.adaptive is not None]
    spending = "" if all(endless) else SPENDING.format(name=SPENDINGS[decide.spending])
    futility = NO_FUTILITY if decide.futility is None else _futility_text(decide.futility)
    return LOOKS + spending + (ANYTIME if any(endless) else "") + REPEATED + ("" if all(endless) else futility)


def _futility_text(least: float) -> str:
    return FUTILITY.format(support=100 * least, refutation=100 * least_refutation(least))


def _captions(sections: Sequence[Section]) -> Iterator[str]:
    for block in (block for section in sections for block in section.blocks):
        if isinstance(block, Plot | Table):
            yield "".join(run.text for run in block.caption)
