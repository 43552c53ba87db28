"""The section on claims that get seeds until they are decided."""

from dataclasses import replace
from datetime import UTC, datetime

from reports.rendering.html import render_html
from reports.rendering.pdf import render_pdf
from reports.sections.report import study_report
from sweeper.spec.study import Decide
from tests.reports.sections.test_report import column, section, table, words
from tests.sweeper.evidence.sequential.adaptive_studies import played, whole

NOW = datetime(2026, 1, 2, tzinfo=UTC)
EFFECTS = {"a": -0.06, "b": -0.012, "c": 0.0, "d": 0.05}


def test_the_report_says_where_each_claim_stopped_and_draws_its_path() -> None:
    report = study_report(played(whole(EFFECTS, seed=3)), NOW)
    text = words(section(report, "looks"))
    assert text.startswith("2 of 4 claims are decided, 2 before their last seed.")
    assert "tends to overstate its effect" in text
    found = table(report, "decisions")
    outcomes = ["decided at 3 of 6 seeds", "all 6 seeds used", "given up at 2 of 6 seeds", "decided at 3 of 6 seeds"]
    assert column(found, "Outcome") == outcomes
    assert column(found, "Looks") == ["2", "5", "1", "2"]
    (drawing,) = [each for each in report.drawings() if each.name == "looks"]
    assert "a, supported at 3 of 6 seeds: after 3 seeds" in drawing.alternative
    assert "d, refuted at 3 of 6 seeds: after 3 seeds" in drawing.alternative


def test_the_claims_in_numbers_are_those_over_looks() -> None:
    report = study_report(played(whole(EFFECTS, seed=3)), NOW)
    found = table(report, "claims")
    assert column(found, "Seeds") == ["3", "6", "2", "3"]
    assert "Needed" not in [each.title for each in found.columns]
    assert "Intervals and p-values allow for all looks" in "".join(run.text for run in found.caption)


def test_the_methods_name_the_rule_and_its_sources() -> None:
    text = words(section(study_report(played(whole(EFFECTS, seed=3)), NOW), "methods"))
    assert "by the rule of O\u2019Brien and Fleming (Lan and DeMets)" in text
    assert "below 10%, and that of a refutation below 40%, which" in text
    for source in ("Lan and DeMets (1983).", "Jennison and Turnbull (1989)."):
        assert source in text
    assert "Wang and Ramdas" not in text
    patient = whole(EFFECTS, seed=3, decide=Decide(spending="pocock", futility=None))
    text = words(section(study_report(played(patient), NOW), "methods"))
    assert "by the rule of Pocock (Lan and DeMets)" in text
    assert "No claim is given up before its last seed." in text


def test_the_methods_say_when_a_claim_is_given_up() -> None:
    data = played(whole({"a": -0.06}, seed=3, decide=Decide(futility=0.625)), rounds=0)
    text = words(section(study_report(data, NOW), "methods"))
    assert "below 62.5%, and that of a refutation below 62.5%, which" in text


def test_the_claims_that_the_money_did_not_reach_are_named() -> None:
    data = played(whole(EFFECTS, seed=3), rounds=1)
    data = replace(data, decided=replace(data.decided, budget_ended_at=5.0))
    text = words(section(study_report(data, NOW), "looks"))
    assert "The budget ended before these claims could be decided: a (2 seeds), b (2 seeds) and d (2 seeds)." in text
    text = words(section(study_report(played(whole(EFFECTS, seed=3), rounds=1), NOW), "looks"))
    assert "Not decided yet, as the study is not finished: a (2 seeds), b (2 seeds) and d (2 seeds)." in text
    data = played(whole(EFFECTS, seed=3), rounds=0)
    data = replace(data, decided=replace(data.decided, budget_ended_at=5.0))
    report = study_report(data, NOW)
    assert "a (not looked at yet), b (not looked at yet)" in words(section(report, "looks"))
    assert "budget ended before its first look" in column(table(report, "decisions"), "Outcome")


def test_before_the_first_look_there_is_no_figure() -> None:
    report = study_report(played(whole(EFFECTS), rounds=0), NOW)
    assert words(section(report, "looks")).startswith("0 of 4 claims are decided.")
    assert not [each for each in report.drawings() if each.name.startswith("looks")]


def test_page_and_pdf_show_the_section() -> None:
    report = study_report(played(whole(EFFECTS, seed=3)), NOW)
    assert "Seeds until claims are decided" in render_html(report)
    assert render_pdf(report, NOW).startswith(b"%PDF")
