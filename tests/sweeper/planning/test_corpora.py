"""Test that every corpus that trials would not find is named once, where the study file names it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sweeper.planning.corpora import missing_corpora
from sweeper.planning.notes import located, missing_lines, plan_notes
from sweeper.spec.load import parse_study
from sweeper.spec.study import Study
from trainer.config.texts import PARTS

STUDY = """study: example
metric: {{name: valid_perplexity, direction: minimize}}
trial: {{program: trainer, config: {{data: {{corpus: {corpus}}}}}}}
factors:
  dropout: {{path: regularization.dropout, levels: [0.0, 0.1]}}
{factors}phases:
  - {{name: first, design: {{sampler: random, trials: 4}}, factors: [dropout], seeds: 1, budget: {{steps: 3}}}}
  - {{name: main, design: {design}, seeds: 1, budget: {{steps: 3}}{config}}}
"""
TEXTS = "  text: {path: data.corpus, levels: [pydocs, ptb, wikitext-103]}\n"


def study(
    *, corpus: str = "pydocs", factors: str = "", design: str = "grid", config: str = "", more: str = ""
) -> Study:
    text = STUDY.format(corpus=corpus, factors=factors, design=design, config=config)
    return parse_study(text, "study.yaml")


def missing(found: Study, directory: Path, environment: Mapping[str, str] | None = None) -> list[str]:
    return list(located(found, list(missing_corpora(found, directory, environment or {}))))


def install(directory: Path, *parts: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for part in parts or PARTS:
        (directory / f"{part}.txt").write_text("the cat\n")


def test_the_corpus_of_the_study_is_named_with_how_to_fetch_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (line,) = missing(study(corpus="ptb"), tmp_path)
    assert line == (
        "study.yaml:3:51: trial.config.data.corpus: 'ptb' was not found in data/ptb, ../shared/data/ptb. Fetch it "
        "(sweeper data fetch ptb), or set $SWEEPER_DATA to the directory that contains ptb, or data.folder to the one "
        "that holds train.txt, valid.txt, test.txt."
    )
    install(tmp_path / "data" / "ptb")
    assert not missing(study(corpus="ptb"), tmp_path)


def test_the_built_in_corpus_is_never_missing(tmp_path: Path) -> None:
    assert not missing(study(), tmp_path)


def test_all_missing_corpora_are_named_at_their_levels(tmp_path: Path) -> None:
    lines = missing(study(factors=TEXTS), tmp_path)
    assert [line.partition(" was")[0] for line in lines] == [
        "study.yaml:6:46: factors.text.levels[1]: 'ptb'",
        "study.yaml:6:51: factors.text.levels[2]: 'wikitext-103'",
    ]
    install(tmp_path / "data" / "ptb")
    assert len(missing(study(factors=TEXTS), tmp_path)) == 1


def test_named_levels_and_vocabularies_are_looked_at(tmp_path: Path) -> None:
    plain = "a: {data.corpus: pydocs, data.vocabulary_corpus: null}"
    large = "b: {data.corpus: wikitext-103, data.vocabulary_corpus: ptb}"
    text, vocabulary = missing(study(factors=f"  text: {{baseline: a, levels: {{{plain}, {large}}}}}\n"), tmp_path)
    assert "factors.text.levels.b: 'wikitext-103' was" in text
    assert "factors.text.levels.b: 'ptb' was" in vocabulary
    assert "data.folder" not in vocabulary  # which is that of data.corpus


def test_the_config_of_a_phase_is_looked_at(tmp_path: Path) -> None:
    (line,) = missing(study(config=", config: {data: {corpus: ptb}}"), tmp_path)
    assert ": phases[1].config.data.corpus: 'ptb' was" in line


def test_levels_that_no_phase_runs_need_no_corpus(tmp_path: Path) -> None:
    assert not missing(study(factors=TEXTS, config=", factors: [dropout]"), tmp_path)
    assert not missing(study(factors=TEXTS, design="{promote: first, top: 1}"), tmp_path)


def test_a_directory_of_the_users_own_is_looked_at(tmp_path: Path) -> None:
    own = ", config: {data: {corpus: folder, folder: texts}}"
    (line,) = missing(study(config=own), tmp_path)
    assert line.endswith(
        "phases[1].config.data.folder: 'texts' is not a directory. "
        "Use the directory that holds train.txt, valid.txt, test.txt."
    )
    (tmp_path / "texts").mkdir()
    assert not missing(study(config=own), tmp_path)  # any text in it is read
    install(tmp_path / "texts", "train")
    (line,) = missing(study(config=own), tmp_path)
    assert f"{tmp_path}/texts has no valid.txt. Use the directory" in line


def test_an_incomplete_corpus_is_not_fetched_again(tmp_path: Path) -> None:
    install(tmp_path / "data" / "ptb", "train")
    (line,) = missing(study(corpus="ptb"), tmp_path)
    assert f"{tmp_path}/data/ptb has neither valid.txt nor ptb.valid.txt. Add the file, or set $SWEEPER_DATA" in line


def test_the_replica_needs_no_training_file(tmp_path: Path) -> None:
    (line,) = missing(study(corpus="wikitext-2-replica"), tmp_path)
    assert "'wikitext-2-replica' is read from wikitext-2, which was not found" in line
    assert "sweeper data fetch wikitext-2)" in line.replace(f" --folder {tmp_path}/data", "")
    install(tmp_path / "data" / "wikitext-2", "valid", "test")
    assert not missing(study(corpus="wikitext-2-replica"), tmp_path)


def test_the_variable_counts_as_the_trial_has_it(tmp_path: Path) -> None:
    install(tmp_path / "corpora" / "ptb")
    there = {"SWEEPER_DATA": str(tmp_path / "corpora")}
    assert not missing(study(corpus="ptb"), tmp_path, there)
    (line,) = missing(study(corpus="ptb"), tmp_path, {"SWEEPER_DATA": str(tmp_path)})
    assert f"{tmp_path}/ptb, {tmp_path}/data/ptb" in line
    assert f"(sweeper data fetch ptb --folder {tmp_path})" in line


def test_plan_notes_and_launches_name_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWEEPER_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    found = study(corpus="ptb")
    (line,) = missing_lines(found)
    assert line in plan_notes(found, Path.cwd())
