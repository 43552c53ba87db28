"""Claims, verdicts and their caveats as text."""

import re

from sweeper.evidence.claims.wording import reachable_note
from tests.sweeper.evidence.claims.claim_studies import contrast, judge


def test_a_margin_in_percent_of_a_linear_metric_is_shown_in_its_unit_too() -> None:
    (found,) = judge(contrast("a", at_least="1%"), scale="linear")
    (size,) = re.findall(r"Claimed: decrease by at least 1% \((.*)\)\.", found.sentence)
    assert 0.95 < float(size) < 1.1  # of a perplexity of about 100
    assert found.evidence.wanted == f"decrease by at least 1% ({size})"


def test_a_margin_in_percent_of_a_perplexity_needs_no_other_unit() -> None:
    (found,) = judge(contrast("a", at_least="1%"))
    assert found.sentence.endswith("Claimed: decrease by at least 1%.")


def test_a_note_on_other_ends_does_not_contradict_that_failed_runs_count_as_the_worst() -> None:
    assert reachable_note(("refuted", "undecided")) == (
        "Had the pruned or failed trials ended otherwise, the verdict could have been refuted or undecided."
    )
