"""The methods behind the numbers, and their sources."""

from reports.sections.blocks import Block, Heading, Listing, Paragraph, Section, plain
from reports.sections.context import Context

LOG = (
    "Perplexities are compared by their natural logarithms, so a difference stands for a ratio and is reported as a "
    "change in percent."
)
LINEAR = "The metric is compared as measured, without a logarithm."
PAIRS = (
    "Seed k is the same in every configuration of a phase: it fixes initialization, data order and dropout. Effects "
    "are means of differences within such pairs, with all other factors equal, and their intervals are Student's t."
)
CLAIMS = (
    "A claim is supported if the adjusted p-value of its denial is below 0.05, refuted if that of the claim itself "
    "is, and undecided otherwise. P-values are adjusted by Holm's method over all claims that the study declares, "
    "which keeps the probability of any false verdict below 5 %. An equivalence is tested by two one-sided tests; an "
    "ordering, by intersection and union of its comparisons."
)
SELECTION = (
    "A trial's value is its best over the run on validation text. Test text is evaluated once, with the weights that "
    "were best on validation text. The best of many trials looks better than it is, by chance: its gain is not an "
    "effect."
)
LOST = (
    "Trials that were pruned, failed or have not ended have no value to compare. Their pairs are left out and "
    "counted as missing, and verdicts are also computed with these trials at their best and at their worst."
)
COST = (
    "Device time is the wall-clock time of a trial's processes on its device, including failed attempts, times its "
    "share of the device. FLOPs are those of training, computed from the model's shapes."
)
REFERENCES = (
    "Dodge, Gururangan, Card, Schwartz and Smith (2019). Show Your Work: Improved Reporting of Experimental Results. "
    "EMNLP.",
    "Holm (1979). A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian Journal of Statistics 6.",
    "Hutter, Hoos and Leyton-Brown (2014). An Efficient Approach for Assessing Hyperparameter Importance. ICML.",
    "Montgomery (2017). Design and Analysis of Experiments, 9th edition. Wiley.",
    "Okabe and Ito (2008). Color Universal Design.",
    "Schuirmann (1987). A Comparison of the Two One-Sided Tests Procedure and the Power Approach for Assessing the "
    "Equivalence of Average Bioavailability. Journal of Pharmacokinetics and Biopharmaceutics 15.",
    "Shapley (1953). A Value for n-Person Games. Contributions to the Theory of Games II.",
    "Watanabe, Bansal and Hutter (2023). PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary "
    "Subspaces. IJCAI.",
)


def methods(context: Context) -> Section:
    """Return the section with the methods that this study uses."""
    texts = [LOG if context.metric.is_log else LINEAR, PAIRS]
    if context.verdicts:
        texts.append(CLAIMS)
    texts += [SELECTION, LOST, COST]
    blocks: list[Block] = [Paragraph(text=plain(text)) for text in texts]
    blocks += [Heading(text="References"), Listing(items=tuple(plain(text) for text in REFERENCES))]
    return Section(anchor="methods", title="Methods", blocks=tuple(blocks))
