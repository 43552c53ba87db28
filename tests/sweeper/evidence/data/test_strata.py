"""The strata of a study's trials."""

from dataclasses import replace

from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.strata import strata_of
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"corpus": factor("wikitext-2", "ptb"), "a": factor(0.0, 0.2), "depth": factor(2, 4)}
ROWS = [{"corpus": corpus, "a": a, "depth": 2} for corpus in ("ptb", "wikitext-2") for a in (0.0, 0.2)]


def value(levels: object, seed: int) -> float:
    return 1.0 + seed


def two_corpora(**changes: object) -> StudyData:
    deep = [{"corpus": "ptb", "a": 0.0, "depth": depth} for depth in (4, 2)]
    screen = Phase("screen", "list", ROWS, value, seeds=(0, 1), blocks=("corpus",))
    data = study_data(FACTORS, screen, Phase("deep", "list", deep, value, seeds=(0,)))
    return replace(data, study=replace(data.study, **changes))  # type: ignore[arg-type]


def test_without_strata_all_trials_are_one() -> None:
    data = study_data(FACTORS, Phase("screen", "list", ROWS, value))
    (only,) = strata_of(data)
    assert (only.name, only.label, only.levels) == ("", "all trials", {})
    assert only.trials is data.trials


def test_by_default_each_block_is_one_with_the_trials_of_all_phases() -> None:
    first, second = strata_of(two_corpora())
    assert (first.name, first.label, first.levels) == ("corpus = wikitext-2", "wikitext-2", {"corpus": "wikitext-2"})
    assert (second.name, second.label) == ("corpus = ptb", "ptb")  # in the order of the factor's levels
    assert first.trials["trial_id"].tolist() == [5, 6, 7, 8]
    assert second.trials["trial_id"].tolist() == [1, 2, 3, 4, 9, 10]
    assert second.trials["corpus"].unique().tolist() == ["ptb"]


def test_a_study_may_name_others_or_none() -> None:
    names = [stratum.name for stratum in strata_of(two_corpora(own_strata=("corpus", "depth")))]
    assert names == ["corpus = wikitext-2, depth = 2", "corpus = ptb, depth = 2", "corpus = ptb, depth = 4"]
    assert [stratum.label for stratum in strata_of(two_corpora(own_strata=("depth",)))] == ["depth = 2", "depth = 4"]
    assert [len(stratum.trials) for stratum in strata_of(two_corpora(own_strata=()))] == [10]


def test_trials_that_are_not_drawn_are_in_none_and_a_factor_not_named_is_at_its_baseline() -> None:
    data = two_corpora()
    known = {**data.configurations, 9: {}, 10: {"a": 0.0, "depth": 2}}
    first, second = strata_of(replace(data, configurations=known))
    assert second.trials["trial_id"].tolist() == [1, 2, 3, 4]
    assert first.trials["trial_id"].tolist() == [5, 6, 7, 8, 10]
