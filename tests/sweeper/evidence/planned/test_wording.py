"""What claims can detect, in the units in which claims speak."""

import pytest

from sweeper.evidence.claims.evidence import Region
from sweeper.evidence.planned.power import Detection
from sweeper.evidence.planned.spread import Deviation, Spread
from sweeper.evidence.planned.wording import margin_shown
from sweeper.spec.claim import Claim, Contrast
from sweeper.spec.metric import Metric

ACCURACY = Metric(name="accuracy", direction="maximize", scale="linear")


@pytest.mark.parametrize(
    ("margin", "is_relative", "shown"),
    [("2%", False, "0.74 (2%)"), ("2%", True, "2.0%"), (0.74, False, "0.74")],
)
def test_a_margin_in_percent_of_a_linear_metric_is_shown_in_its_unit_too(
    margin: str | float, is_relative: bool, shown: str
) -> None:
    spread = Spread(source="store", paired=Deviation(0.1), alone=Deviation(0.1), mean=37.0, is_relative=is_relative)
    statement = Contrast(phase="p", factor="lr", start=0.1, to=0.2)
    claim = Claim(
        id="c", text="", metric=ACCURACY, form="contrast", statement=statement, expect="no_worse", within=margin
    )
    size = 0.02 if is_relative else 0.74
    found = Detection(claim=claim, pairs=3, region=Region(low=-size), spread=spread)
    assert margin_shown(found) == shown
