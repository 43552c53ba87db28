"""An effect that changes its sign with another factor's level is marked where its mean is drawn."""

from reports.sections.blocks import Plot
from reports.sections.context import make_context
from reports.sections.effects import effects
from tests.reports.conftest import NOW
from tests.reports.studies import Levels, Phase, factor, study_data


def test_a_mean_of_opposite_effects_says_with_which_factor_they_vary() -> None:
    def of(levels: Levels, seed: int) -> float:
        noise = 0.01 * ((seed * 3 + 2 * levels["a"] + levels["b"]) % 5)
        return 3.0 + levels["a"] * (0.5 - 0.8 * levels["b"]) + noise

    rows = [{"a": a, "b": b} for a in (0, 1) for b in (0, 1)]
    data = study_data(
        {"a": factor(0, 1), "b": factor(0, 1)}, Phase("p", "grid", rows, of, seeds=(0, 1, 2, 3)), metric="loss"
    )
    section = effects(make_context(data, NOW))
    assert section is not None
    plot = next(block for block in section.blocks if isinstance(block, Plot))
    assert "a: 0 \u2192 1 (sign varies with b)" in plot.drawing.data["label"].tolist()
    assert not any("sign varies with a" in label for label in plot.drawing.data["label"])
