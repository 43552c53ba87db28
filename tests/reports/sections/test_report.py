"""The numbers in a report are those of the study, whatever the study is like."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.sections.blocks import Facts, Heading, Listing, Paragraph, Plot, Report, Rulings, Section, Table
from reports.sections.report import study_report
from reports.wording import perplexity
from sweeper.evidence.data.load import StudyData, load
from sweeper.evidence.effects.effects import effect_table
from sweeper.spec.program import CommandProgram
from sweeper.store.engine import open_store
from sweeper.store.records import Lease
from tests.reports.builders import BASELINE, CLAIMS, Ending, enrol_plot, final_value, screen, store_with
from tests.reports.builders import Plot as Study
from tests.sweeper.store.builders import phase

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def section(report: Report, anchor: str) -> Section:
    return next(each for each in report.sections if each.anchor == anchor)


def words(part: Section | Report) -> str:
    """All that paragraphs, headings, verdicts, facts and captions say."""
    sections = part.sections if isinstance(part, Report) else (part,)
    found: list[str] = []
    for block in (block for each in sections for block in each.blocks):
        match block:
            case Paragraph():
                found.append("".join(run.text for run in block.text))
            case Heading():
                found.append(block.text)
            case Facts():
                found += [f"{name}: {''.join(run.text for run in text)}" for name, text in block.pairs]
            case Rulings():
                found += [f"{item.text} {''.join(run.text for run in item.sentence)}" for item in block.items]
            case Plot() | Table():
                found.append("".join(run.text for run in block.caption))
            case Listing():
                found += ["".join(run.text for run in item) for item in block.items]
    return " ".join(found)


def table(report: Report, name: str) -> Table:
    return next(
        block for each in report.sections for block in each.blocks if isinstance(block, Table) and block.name == name
    )


def column(found: Table, title: str) -> list[str]:
    place = [each.title for each in found.columns].index(title)
    return [row[place].text for row in found.rows]


def reported(folder: Path, study: Study, endings: Callable[[Lease], Ending | None] = lambda lease: Ending()) -> Report:
    return study_report(load(store_with(folder, study, endings), study.name), NOW)


def test_the_corpus_and_the_unigram_perplexity_are_named(report: Report) -> None:
    text = words(section(report, "study"))
    assert "The corpus is pydocs" in text
    assert "The perplexity of the unigram model is 512.25." in text


def test_an_unfinished_study_says_so(report: Report) -> None:
    assert "The study is not finished." in words(report.sections[0])
    assert "1 of 21 trials had not ended" in words(report.sections[0])


def test_every_trial_is_in_the_table_with_its_state(report: Report, data: StudyData) -> None:
    found = table(report, "trials")
    assert found.trials == tuple(data.trials["trial_id"])
    states = column(found, "State")
    assert states.count("completed") == 18
    assert {"pruned", "failed (diverged)"} <= set(states)
    values = column(found, "Validation perplexity")
    assert values == [perplexity(value) for value in data.trials["value"]]
    assert values[-1] == "\u2013"


def test_effects_are_those_of_the_statistics(report: Report, data: StudyData) -> None:
    found = table(report, "effects-screen-table")
    effects = [effect for effect in effect_table(data) if effect.phase == "screen"]
    assert column(found, "Factor") == [effect.factor for effect in effects]
    place = [each.title for each in found.columns].index("Effect")
    assert [row[place].sort for row in found.rows] == [effect.estimate for effect in effects]
    drawing = next(each for each in report.drawings() if each.name == "effects-screen")
    expected = [100 * math.expm1(effect.estimate) for effect in effects]
    assert drawing.data["estimate"].tolist() == pytest.approx(expected)


def test_an_effect_is_the_ratio_of_the_paired_values(report: Report) -> None:
    differences = [
        math.log(final_value({**BASELINE, "depth": 4}, seed, 300) / final_value(BASELINE, seed, 300))
        for seed in range(3)
    ]
    found = table(report, "effects-screen-table")
    row = next(row for row in found.rows if row[0].text == "depth")
    assert row[3].sort == pytest.approx(sum(differences) / 3)


def test_verdicts_come_with_the_claims_own_words(report: Report) -> None:
    drawing = next(each for each in report.drawings() if each.name == "verdicts")
    assert drawing.title == "Both claims are undecided"
    assert drawing.data["text"].tolist()[0] == "Input dropout lowers validation perplexity."
    assert "Input dropout lowers validation perplexity." in words(section(report, "claims"))
    assert column(table(report, "claims"), "Verdict") == ["undecided", "undecided"]  # a run of the first diverged


def test_pruned_and_failed_trials_are_listed_with_their_reasons(report: Report) -> None:
    text = words(section(report, "outcomes"))
    assert "2 trials did not complete: 1 pruned and 1 diverged." in text
    assert column(table(report, "outcomes"), "Message") == ["the loss is not a number", ""]


def test_the_ledger_adds_up_attempts_that_crashed_included(report: Report, data: StudyData) -> None:
    found = table(report, "ledger")
    place = [each.title for each in found.columns].index("Device time")
    seconds = [row[place].sort for row in found.rows]
    assert seconds[-1] == pytest.approx(sum(seconds[:-1]))  # type: ignore[arg-type]  # numbers
    assert seconds[-1] == pytest.approx(data.attempts["device_seconds"].sum())
    lost = 0.2 * 15 + 0.3 * 15
    assert f"{lost:.3g}\u202fs" in words(section(report, "ledger"))


def test_the_environment_is_shown(report: Report) -> None:
    text = words(section(report, "environment"))
    assert "3.11.2 on Linux-6.1-x86_64" in text
    assert "torch 2.13.0" in text
    assert "0" * 40 in text


def test_every_figure_has_words_and_every_trial_a_label(report: Report, data: StudyData) -> None:
    assert len(report.drawings()) >= 6
    assert all(len(drawing.alternative) > 40 for drawing in report.drawings())
    assert set(report.trials) == set(data.trials["trial_id"])
    assert report.trials[4].startswith("screen 3: input_dropout = 0.3; seed 0; 300 steps; completed, ")


def test_names_of_figures_and_tables_are_unique(report: Report) -> None:
    drawings = [drawing.name for drawing in report.drawings()]
    tables = [block.name for each in report.sections for block in each.blocks if isinstance(block, Table)]
    assert len({*drawings, *tables}) == len(drawings) + len(tables)


def test_a_study_without_claims_has_no_verdicts(tmp_path: Path) -> None:
    found = reported(tmp_path, Study([screen()], claims=()))
    assert "Verdicts" not in words(found)


def test_one_trial_is_a_report(tmp_path: Path) -> None:
    study = Study([phase("only", [dict(BASELINE)], spec={"design": {"list": []}})], claims=())
    found = reported(tmp_path, study)
    assert len(table(found, "trials").rows) == 1
    assert "effects" not in [each.anchor for each in found.sections]
    assert "The best configuration in runs of 10 steps is the baseline" in words(found)


def test_of_one_trial_no_course_of_the_best_is_drawn(tmp_path: Path) -> None:
    study = Study([phase("only", [dict(BASELINE)], spec={"design": {"list": []}})], claims=())
    names = {drawing.name for drawing in reported(tmp_path, study).drawings()}
    assert "anytime" not in names
    assert "cost" in names


def test_nothing_has_run_yet(tmp_path: Path) -> None:
    found = reported(tmp_path, Study([screen()]), lambda lease: None)
    assert "No trial has completed yet, so there is no validation perplexity to report." in words(found)
    assert column(table(found, "claims"), "Verdict") == ["untested", "untested"]


def test_all_trials_failed(tmp_path: Path) -> None:
    found = reported(tmp_path, Study([screen()]), lambda lease: Ending("diverged", stop=0.3, last_is_nan=True))
    assert "15 trials did not complete: 15 diverged." in words(found)
    assert column(table(found, "effects-screen-table"), "Effect") == ["\u2013"] * 4
    assert "2 claims could not be tested" in words(section(found, "outcomes"))
    assert "No verdict would change" not in words(found)


def test_the_methods_are_those_of_the_program_and_of_the_claims(report: Report) -> None:
    text = words(section(report, "methods"))
    assert "it fixes initialization, data order and dropout" in text
    assert "Test text is evaluated once" in text
    assert "Holm (1979)" in text
    assert "means leave their pairs out" in text
    assert "p-values of claims count runs that diverged or failed as the worst" in text
    assert "ordering" not in text
    assert "Schuirmann" not in text


def test_the_methods_say_nothing_that_sweeper_cannot_know_of_a_program(tmp_path: Path) -> None:
    url = store_with(tmp_path, Study([screen()], claims=()))
    data = load(url, "quickstart")
    program = replace(data.study.trial, program=CommandProgram(command=("python", "train.py"), metrics={}))
    trials = data.trials.assign(flops=math.nan)
    study = replace(data.study, trial=program)
    found = study_report(replace(data, study=study, trials=trials), NOW)
    text = words(section(found, "methods"))
    for own in ("initialization", "Test text", "FLOPs", "Holm", "Shapley"):
        assert own not in text
    assert column(table(found, "ledger"), "FLOPs") == ["\u2013"]


def test_a_metric_that_rises_and_has_no_logarithm(tmp_path: Path) -> None:
    metric = {"name": "accuracy", "direction": "maximize", "scale": "linear"}
    found = reported(tmp_path, Study([screen()], metric=metric, claims=()))
    assert "positive is better" in words(found)
    assert "The metric is compared as measured" in words(found)


def test_phases_whose_names_differ_only_in_punctuation_have_separate_files(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [dict(BASELINE), {**BASELINE, "depth": 4}]
    study = Study(
        [phase("a b", rows, spec={}), phase("a-b", rows, seeds=(1,), spec={})],
        claims=(),
    )
    names = [drawing.name for drawing in reported(tmp_path, study).drawings()]
    assert "effects-a-b" in names
    assert len(names) == len(set(names))


def test_changes_of_the_study_file_are_reported(tmp_path: Path) -> None:
    url = store_with(tmp_path, Study([screen()]))
    engine = open_store(url, create=False)
    enrol_plot(engine, Study([screen()], claims=({**CLAIMS[0], "at_least": "5%"}, CLAIMS[1])), extend=True)
    engine.dispose()
    found = study_report(load(url, "quickstart"), NOW)
    assert "The study file was changed on" in words(found)
