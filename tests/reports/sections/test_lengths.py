"""The section on best lengths: what configurations reach by each amount of compute, and claims read both ways."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reports.sections.blocks import Listing, Plot, Table
from reports.sections.context import make_context
from reports.sections.lengths import lengths
from sweeper.evidence.claims.envelopes import compute_panels, unit_of
from sweeper.evidence.claims.judge import judge_claims
from tests.reports.studies import factor
from tests.sweeper.evidence.length_studies import ROWS, contrast, length_study, u_shaped

LOOKS = (50, 71, 100, 141, 200, 282, 400, 565, 800, 1130, 1600)
LATE = u_shaped(best={0: 200, 1: 1000}, depth={0: 0.0, 1: -0.06})
OTHER = {"phase": "p", "factor": "other", "from": 0, "to": 1, "where": {"trick": 0}}


def section(*claims, truth=LATE, **options):
    data = length_study(truth, claims=claims or (contrast(),), looks=LOOKS, **options)
    return lengths(make_context(data, datetime(2026, 11, 29, tzinfo=UTC)))


def blocks(found, kind):
    return [block for block in found.blocks if isinstance(block, kind)]


def sentences(found):
    return ["".join(run.text for run in item) for listing in blocks(found, Listing) for item in listing.items]


def test_a_study_without_such_claims_has_no_section():
    assert section(contrast(at="same_length")) is None


def test_the_crossing_is_said_in_words_with_its_interval():
    # By the planted curves: .05 ln²(x / 1000) - .06 = 0 at x = 1000 exp(-√1.2) = 334.
    (panel,) = compute_panels(judge_claims(length_study(LATE, claims=[contrast()], looks=LOOKS)))
    crossing = panel.pairs[0].crossing
    assert crossing.low < 334.0 < crossing.high
    (text,) = sentences(section())
    assert text.startswith("trick = 1 overtakes the baseline at step 3")
    assert "(95% interval " in text
    assert text.endswith("times the compute of the best length of the baseline.")


def test_what_is_not_shown_is_not_said():
    found = section({**contrast(), "contrast": OTHER})
    (text,) = sentences(found)
    assert text == "Between step 50 and step 1\u202f600, nothing shows that other = 1 or the baseline is ahead."


def test_a_trick_that_was_stopped_early_has_not_overtaken():
    found = section(budgets={"p": 200})
    (text,) = sentences(found)
    assert text == "trick = 1 has not overtaken the baseline by step 200, the last that both were measured at."


def test_both_readings_stand_side_by_side():
    found = section(contrast("own"), contrast("same", at="same_length"), budgets={"p": 400, "long": 1600},
                    rows={"long": [ROWS[1]]})  # fmt: skip
    arms, claims = blocks(found, Table)
    assert [row[0].text for row in arms.rows] == ["the baseline", "trick = 1", "other = 1"]
    assert [row[0].text for row in claims.rows] == ["own", "same"]
    assert [row[1].text for row in claims.rows] == ["best length", "same length"]
    (same,), (own,) = ({row[place].text for row in claims.rows} for place in (2, 4))
    assert float(own.replace("\u2212", "-")) < float(same.replace("\u2212", "-"))


def test_nothing_is_drawn_beyond_what_was_measured():
    (plot,) = blocks(section(budgets={"p": 400, "long": 1600}, rows={"long": [ROWS[1]]}), Plot)
    drawn = plot.drawing.data.groupby("configuration")["compute"].max()
    assert drawn["the baseline"] == 400
    assert drawn["trick = 1"] == 1600
    for _, line in plot.drawing.data.groupby("configuration"):
        assert (line["low"] <= line["value"]).all()
        assert (line["value"] <= line["high"]).all()
    assert plot.drawing.svg.startswith("<svg")
    assert plot.drawing.narrow.svg


def test_the_caption_says_which_values_are_not_drawn():
    (plot,) = blocks(section(), Plot)
    text = "".join(run.text for run in plot.caption)
    worst = float(re.search(r"values above ([\d.]+) are left out", text).group(1))
    values = plot.drawing.data.groupby("configuration")["value"]
    assert values.min().max() < worst < values.max().max()


def test_compute_is_in_steps_only_if_they_cost_the_same():
    data = length_study(LATE, claims=[contrast()], looks=LOOKS)
    (verdict,) = judge_claims(data)
    arms = list(verdict.examination.tested[0].runs.lengths.values())
    assert unit_of(arms) == "steps"
    for curve in [data.measured["valid_loss"][trial] for trial in data.members["p"][:4]]:
        curve.flops[:] = [3.0 * each for each in curve.flops]  # the baseline costs three times as much
    (verdict,) = judge_claims(data)
    assert unit_of(verdict.examination.tested[0].runs.lengths.values()) == "flops"


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_few_seeds_are_shown_as_they_are(seeds):
    found = section(seeds=seeds)
    assert found is not None
    assert sentences(found)


def test_configurations_of_an_average_are_no_pair():
    # The claim averages over two levels of the other factor, at one of which no seed has both lengths.
    every = [*ROWS, {"trick": 1, "other": 1}]
    average = {**contrast(), "contrast": {"phase": "p", "factor": "trick", "from": 0, "to": 1}}
    alike = u_shaped(best={0: 400, 1: 400}, depth={0: 0.0, 1: -0.06})
    data = length_study(
        alike, claims=[average], looks=(), budgets={"p": 400, "long": 1600}, rows={"p": every, "long": every}
    )
    gone = {
        trial
        for trial, seed in zip(data.trials["trial_id"], data.trials["seed"], strict=True)
        if data.configurations[trial]["other"] and (seed < 2) == (trial in data.members["p"])
    }
    members = {name: tuple(trial for trial in own if trial not in gone) for name, own in data.members.items()}
    (whole,), (panel,) = (compute_panels(judge_claims(each)) for each in (data, replace(data, members=members)))
    assert [len(each.curves) for each in (whole, panel)] == [4, 2]
    assert whole.pairs == panel.pairs == ()


def test_an_evaluation_before_the_first_step_has_no_place_on_the_axis():
    def truth(levels, steps):
        return LATE(levels, max(steps, 1.0))

    first, without = (
        compute_panels(judge_claims(length_study(truth, claims=[contrast()], looks=looks)))
        for looks in ((0, *LOOKS), LOOKS)
    )
    assert [curve.envelope.costs.tolist() for curve in first[0].curves] == [[float(look) for look in LOOKS]] * 3
    assert first[0].unit == without[0].unit == "steps"
    assert first[0].pairs[0].crossing.at == pytest.approx(without[0].pairs[0].crossing.at, rel=0.05)


def test_configurations_of_several_blocks_are_named_within_theirs():
    corpora = {"trick": factor(0, 1), "other": factor(0, 1), "corpus": factor("a", "b", path="data.corpus")}
    rows = [{**row, "corpus": corpus} for corpus in ("a", "b") for row in ROWS]
    claim = {**contrast(), "contrast": {"phase": "p", "factor": "trick", "from": 0, "to": 1, "where": {"other": 0}}}
    data = length_study(LATE, claims=[claim], looks=LOOKS, rows={"p": rows}, factors=corpora)
    verdicts = judge_claims(data)
    panels = compute_panels(verdicts)
    assert [panel.place for panel in panels] == ["corpus = a", "corpus = b"]
    assert [[curve.name for curve in panel.curves] for panel in panels] == [
        ["the baseline", "trick = 1", "other = 1"]
    ] * 2
    (note,) = (note for note in verdicts[0].notes if note.startswith("Best lengths"))
    assert "the baseline (corpus = a) after step 200, the baseline (corpus = b) after step 200" in note
    found = lengths(make_context(data, datetime(2026, 11, 29, tzinfo=UTC)))
    assert [text.split(" at step")[0] for text in sentences(found)] == [
        f"trick = 1 overtakes the baseline (corpus = {corpus})" for corpus in ("a", "b")
    ]


def test_a_line_has_most_seeds_and_a_table_all_configurations():
    # One seed of the trick runs on, and is no better there: the line is that of all four, as far as they go.
    longer = {"budgets": {"p": 400, "long": 1600}, "rows": {"long": [ROWS[1]]}, "seeds_of": {"long": (0,)}}
    truth = u_shaped(best={0: 200, 1: 200}, depth={0: 0.0, 1: -0.06})
    data = length_study(truth, claims=[contrast()], looks=LOOKS, **longer)
    (panel,) = compute_panels(judge_claims(data))
    assert [(curve.name, curve.seeds) for curve in panel.curves] == [
        ("the baseline", (0, 1, 2, 3)), ("trick = 1", (0, 1, 2, 3)), ("other = 1", (0, 1, 2, 3)),
    ]  # fmt: skip
    assert panel.curves[1].envelope.costs[-1] == 400


def test_a_line_of_fewer_seeds_says_so():
    # The best length is one that one seed has: its line is the only one that has that length.
    longer = {"budgets": {"p": 400, "long": 1600}, "rows": {"long": [ROWS[1]]}, "seeds_of": {"long": (0,)}}
    found = section(**longer)
    (plot,) = blocks(found, Plot)
    text = "".join(run.text for run in plot.caption)
    assert "Lines have the seeds that have all lengths that are drawn, not all of trick = 1 (1 of 4)." in text
    (arms, _) = blocks(found, Table)
    assert [row[0].text for row in arms.rows] == ["the baseline", "trick = 1", "other = 1"]


def test_a_configuration_of_which_no_seed_has_all_lengths_is_in_the_table():
    at = {0: LOOKS[:-1], 1: LOOKS[1:], 2: LOOKS[:5] + LOOKS[6:], 3: LOOKS[:3] + LOOKS[4:]}
    found = section(looks_of=lambda levels, seed, looks: at[seed] if levels["trick"] else looks)
    (plot,) = blocks(found, Plot)
    assert set(plot.drawing.data["configuration"]) == {"the baseline", "other = 1"}
    (arms, _) = blocks(found, Table)
    assert [row[0].text for row in arms.rows] == ["the baseline", "trick = 1", "other = 1"]


def test_all_configurations_of_a_claimed_phase_are_shown_and_those_of_no_other():
    best, idle = {"trick": 0, "other": 1}, {"trick": 1, "other": 1}
    rows = {"p": [*ROWS, idle], "q": [{"trick": 2, "other": 0}]}

    def truth(levels, steps):
        return LATE({"trick": levels["trick"] % 2}, steps) - 0.3 * (levels == best)

    factors = {"trick": factor(0, 1, 2), "other": factor(0, 1)}
    data = length_study(
        truth, claims=[contrast()], looks=LOOKS, budgets={"p": 1600, "q": 1600}, rows=rows, factors=factors
    )
    (panel,) = compute_panels(judge_claims(data))
    # What the claim compares first, then the others, the best first.
    names = ["the baseline", "trick = 1", "other = 1", "trick = 1, other = 1"]
    assert [name for name, _ in panel.arms] == [curve.name for curve in panel.curves] == names
    assert [curve.name for curve in panel.curves if curve.is_reference] == ["the baseline"]
    assert len(panel.pairs) == 1


def test_of_very_many_configurations_the_best_are_shown_and_the_others_counted(monkeypatch):
    monkeypatch.setattr("sweeper.evidence.claims.envelopes.MOST", 2)
    every = [*ROWS, *({"trick": 0, "other": level} for level in (2, 3, 4))]

    def truth(levels, steps):
        return LATE(levels, steps) + 0.1 * levels["other"]

    factors = {"trick": factor(0, 1), "other": factor(0, 1, 2, 3, 4)}
    found = section(rows={"p": every}, factors=factors, truth=truth)
    arms, _ = blocks(found, Table)
    assert [row[0].text for row in arms.rows] == ["the baseline", "trick = 1", "other = 1", "other = 2"]
    assert "".join(run.text for run in arms.caption).endswith("Not shown: 2 of those that no claim compares.")


def test_the_caption_says_that_a_line_may_rise_only_where_the_test_is_drawn():
    (tested,), (own,) = (
        blocks(section(contrast(metric=metric)), Plot)
        for metric in (None, {"name": "valid_loss", "direction": "minimize"})
    )
    texts = ["".join(run.text for run in plot.caption) for plot in (tested, own)]
    assert ["a line may rise" in text for text in texts] == [True, False]
    assert "Lengths are chosen by validation loss" in texts[0]


def test_all_panels_of_a_figure_have_one_unit():
    corpora = {"trick": factor(0, 1), "other": factor(0, 1), "corpus": factor("a", "b", path="data.corpus")}
    rows = [{**row, "corpus": corpus} for corpus in ("a", "b") for row in ROWS]
    claim = {**contrast(), "contrast": {"phase": "p", "factor": "trick", "from": 0, "to": 1, "where": {"other": 0}}}

    def units(share):
        """The units where the last batch of a pass over one corpus is shorter by a share."""
        data = length_study(LATE, claims=[claim], looks=LOOKS, rows={"p": rows}, factors=corpora)
        for trial, curve in data.measured["valid_loss"].items():
            if data.configurations[trial]["corpus"] == "b":
                curve.flops[3:] = [(1.0 - share) * each for each in curve.flops[3:]]
        return [panel.unit for panel in compute_panels(judge_claims(data))]

    assert units(0.003) == ["steps", "steps"]
    assert units(0.3) == ["flops", "flops"]


def test_long_names_are_those_of_the_best_configurations():
    factors = {name: factor(0, 1) for name in ("trick", "other", "third")}
    rows = [{"trick": trick, "other": other, "third": 1} for trick in (0, 1) for other in (0, 1)]
    data = length_study(
        LATE, claims=[{**contrast(), "contrast": {"phase": "p", "factor": "trick", "from": 0, "to": 1}}], looks=LOOKS,
        rows={"p": rows}, factors=factors,
    )  # fmt: skip
    study = replace(data.study, arms={"both": {"other": 1, "third": 1}})
    context = make_context(replace(data, study=study), datetime(2026, 11, 29, tzinfo=UTC))
    arms, _ = blocks(lengths(context), Table)
    assert "both with trick = 1" in [row[0].text for row in arms.rows]
