"""Figures of ladders, of what is left out, of interactions and of attributions have a panel for each stratum."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reports.sections.blocks import Plot, Table
from reports.sections.context import make_context
from reports.sections.report import study_report
from sweeper.evidence.data.load import StudyData
from tests.reports.conftest import NOW
from tests.reports.sections.test_report import column, table
from tests.reports.studies import Levels, Phase, factor, study_data

NAMES = ("a", "b", "c")
FACTORS = {"corpus": factor("wiki", "ptb"), **{name: factor("off", "on") for name in NAMES}}
OFF = dict.fromkeys(NAMES, "off")
GAINS = {("wiki", "a"): 0.034, ("ptb", "a"): -0.026, ("wiki", "b"): 0.01, ("ptb", "b"): 0.05}


def perplexity(levels: Levels, seed: int) -> float:
    gain = sum(GAINS.get((levels["corpus"], name), 0.0) for name in NAMES if levels[name] == "on")
    place = [levels["corpus"] == "ptb", *(levels[name] == "on" for name in NAMES)]
    noise = float(np.random.default_rng([seed, *map(int, place)]).normal(0, 0.003))
    return math.exp({"wiki": 4.1, "ptb": 4.5}[levels["corpus"]] - gain + 0.02 * seed + noise)


def lossy(levels: Levels, seed: int) -> float | str:
    """On ptb a, where it is on, loses the seeds that are good, and c all."""
    is_lost = levels["corpus"] == "ptb" and levels["a"] == "on" and (seed < 2 or levels["c"] == "on")
    return "failed" if is_lost else perplexity(levels, seed)


def ladder(corpora: Sequence[str] = ("wiki", "ptb"), **options: Any) -> StudyData:
    steps = [OFF, {**OFF, "a": "on"}, {**OFF, "a": "on", "b": "on"}, dict.fromkeys(NAMES, "on")]
    rows = [{"corpus": corpus, **row} for corpus in corpora for row in steps]
    return study_data(FACTORS, Phase("steps", "ladder", rows, lossy, seeds=range(4), **options), strata=["corpus"])


def plots(data: StudyData, start: str) -> list[Plot]:
    blocks = [block for each in study_report(data, NOW).sections for block in each.blocks]
    return [block for block in blocks if isinstance(block, Plot) and block.drawing.name.startswith(start)]


def test_each_stratum_has_its_ladder_with_its_name_and_its_own_runs_only() -> None:
    for options in ({"blocks": ("corpus",)}, {}):
        first, second = plots(ladder(**options), "ladder-steps")
        assert first.drawing.title.startswith("On wiki, a and b matter (\u22123.")
        assert second.drawing.title.startswith("On ptb, b matters (\u2212")
        assert second.drawing.title.endswith("1 of 3 could not be measured")
        for found, low, high in ((first, 50, 70), (second, 80, 110)):
            assert found.drawing.data["value"].between(low, high).all()


def test_a_ladder_in_one_of_several_strata_says_in_which() -> None:
    other = Phase("x", "list", [{"corpus": "ptb", **OFF}], perplexity)
    rows = [{"corpus": "wiki", **OFF}, {"corpus": "wiki", **OFF, "a": "on"}]
    data = study_data(FACTORS, Phase("steps", "ladder", rows, perplexity), other, strata=["corpus"])
    (only,) = plots(data, "ladder-steps")
    assert only.drawing.title.startswith("On wiki, a matters")


def test_a_configuration_has_one_mean_and_one_interval_in_ladders_and_standings() -> None:
    data = ladder(blocks=("corpus",))
    report = study_report(data, NOW)
    listed = table(report, "standings-table")
    rows = zip(*(column(listed, name) for name in ("corpus", "Configuration", "95% interval")), strict=True)
    known = {(stratum, name): interval for stratum, name, interval in rows}
    groups = {group.label: group for group in make_context(data, NOW).standings}
    for stratum, found in zip(("wiki", "ptb"), plots(data, "ladder-steps"), strict=True):
        base = next(row for row in groups[stratum].rows if not row.changes)
        ends = [float(end) for end in known[stratum, "baseline"].split(" to ")]
        assert ends == pytest.approx([base.low, base.high], abs=0.006)
        (half,) = re.findall(rf"{base.mean:.2f} \u00b1 ([\d.]+)", found.drawing.svg)[:1]
        assert float(half) == pytest.approx(base.half_width, rel=0.05)


def test_lost_runs_are_counted_beside_the_mean_of_the_others() -> None:
    _, second = plots(ladder(blocks=("corpus",)), "ladder-steps")
    assert second.drawing.svg.count(">2 of 4<") == 2  # a, and a with b
    assert ">0 of 4<" in second.drawing.svg
    assert "flatters" in "".join(run.text for run in second.caption)


def grid(value: Any = perplexity, **options: Any) -> StudyData:
    rows = [
        {"corpus": corpus, "a": a, "b": b, "c": "off"} for corpus in ("wiki", "ptb") for a in ("off", "on")
        for b in ("off", "on")
    ]  # fmt: skip
    return study_data(FACTORS, Phase("all", "grid", rows, value, seeds=range(4), **options), strata=["corpus"])


@pytest.mark.parametrize("options", [{"blocks": ("corpus",)}, {}])
def test_interactions_and_attributions_are_those_of_a_stratum(options: dict[str, Any]) -> None:
    data = grid(lossy, **options)
    (shares,) = plots(data, "attribution-all")
    found: pd.DataFrame = shares.drawing.data.set_index(["stratum", "factor"])["Shapley"]
    for (stratum, name), gain in GAINS.items():
        assert found[stratum, name] == pytest.approx(100 * gain, abs=0.8)
    assert "a has the largest share of the gain in all on wiki (+3." in shares.drawing.title
    assert "; b on ptb (+" in shares.drawing.title
    (heat,) = plots(data, "interactions-all")
    effects = heat.drawing.data.set_index(["stratum", "terms"])["effect"]
    assert effects["wiki", "a"] < -2.5 < 1.5 < effects["ptb", "a"]
    assert abs(effects["ptb", "a x b"]) < 0.6
    assert heat.drawing.title == "In all, no interaction can be distinguished from zero"
    assert [text for text in (">wiki<", ">ptb<") if text in heat.drawing.svg and text in heat.drawing.narrow.svg]


def test_a_table_says_the_factor_of_its_blocks_once() -> None:
    found = table(study_report(grid(blocks=("corpus",)), NOW), "effects-all-table")
    assert isinstance(found, Table)
    assert {"wiki", "ptb"} <= set(column(found, "corpus")) <= {"wiki", "ptb", "average"}
    assert not any("corpus = " in cell.text for row in found.rows for cell in row)


def test_importances_are_those_of_a_stratum_too() -> None:
    """a, which gains on one corpus what it costs on the other, explains nothing of both together."""

    def opposed(levels: Levels, seed: int) -> float:
        sign = 1.0 if levels["corpus"] == "wiki" else -1.0
        noise = float(np.random.default_rng([seed, *map(ord, "".join(map(str, levels.values())))]).normal(0, 0.002))
        return math.exp(4.0 + sign * 0.05 * (levels["a"] == "on") + 0.02 * (levels["b"] == "on") + noise)

    (found,) = plots(grid(opposed, blocks=("corpus",)), "importance-all")
    shares = found.drawing.data.set_index(["stratum", "factor"])["fanova"]
    assert shares["wiki", "a"] > 0.6
    assert shares["ptb", "a"] > 0.6
    assert found.drawing.title.startswith("a explains most of the variance in all on wiki (")


def test_what_is_left_out_is_missed_in_its_own_stratum() -> None:
    """On wiki a is missed and b is not measured; on ptb b is missed, and without a it is better."""
    whole = dict.fromkeys(NAMES, "on")
    rows = [
        {"corpus": corpus, **row} for corpus in ("wiki", "ptb")
        for row in (whole, *({**whole, name: "off"} for name in NAMES))
    ]  # fmt: skip

    def ending(levels: Levels, seed: int) -> float | str:
        is_lost = levels["corpus"] == "wiki" and levels["b"] == "off"
        return "failed" if is_lost else perplexity(levels, seed)

    phase = Phase("out", "leave_one_out", rows, ending, seeds=range(4), blocks=("corpus",))
    first, second = (found.drawing for found in plots(study_data(FACTORS, phase), "ladder-out"))
    assert first.title.startswith("On wiki, a matters (+3.")
    assert first.title.endswith("1 of 3 could not be measured")
    assert second.title.startswith("On ptb, b matters (+5.")
    assert "a makes it worse" in second.title
    order = ["the whole", "\u2212 b", "\u2212 c", "\u2212 a"]
    assert list(dict.fromkeys(second.data["label"])) == order
