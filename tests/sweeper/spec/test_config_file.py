"""A baseline configuration in the program's own file."""

from pathlib import Path

import pytest
import yaml

from sweeper.errors import MistakesError
from sweeper.planning.notes import plan_notes
from sweeper.spec.load import load_study
from sweeper.spec.study import Study

STUDY = """study: own
metric: {name: loss, direction: minimize}
trial:
  program: {command: [python, train.py, "{args}"]}
  config: CONFIG
factors:
  lr: {path: optim.lr, levels: [1.0e-3, 1.0e-4]}
phases: [{name: p, design: grid, seeds: 2, budget: {steps: 1}}]
"""
YAML = """# of the program
base: &base {lr: 1e-5, nesterov: no, date: 2020-01-01}
optim: {<<: *base, lr: 1e-3}
"""
JSON = '{"optim": {"lr": 1e-3, "nesterov": false}, "list": [1, null]}'
TOML = """[optim]
lr = 1e-3
nesterov = false
"""


def load(folder: Path, config: str, text: str | None = None, *, study: str = STUDY) -> Study:
    name = config.strip("{}").split(",")[0].removeprefix("file: ")
    if text is not None:
        (folder / name).write_text(text)
    (folder / "study.yaml").write_text(study.replace("CONFIG", config))
    return load_study(folder / "study.yaml")


def mistakes(folder: Path, config: str, text: str | None = None, *, study: str = STUDY) -> list[str]:
    with pytest.raises(MistakesError) as caught:
        load(folder, config, text, study=study)
    return str(caught.value).replace(f"{folder}/", "").replace(str(folder), "FOLDER").splitlines()


def test_yaml_is_read_as_programs_read_it(tmp_path: Path) -> None:
    found = load(tmp_path, "{file: base.yaml}", YAML)
    assert found.trial.config["optim"] == {"lr": 1e-3, "nesterov": False, "date": "2020-01-01"}
    assert found.factors["lr"].baseline == 1e-3


@pytest.mark.parametrize(
    ("word", "value"), [("08", "08"), ("010", 8), ("1_0.5", 10.5), ("1:30:00.5", 5400.5), ("on", True)]
)
def test_odd_words_of_yaml_are_read_as_programs_read_them(tmp_path: Path, word: str, value: object) -> None:
    found = load(tmp_path, "{file: base.yaml}", f"optim: {{lr: 1e-3}}\nword: {word}\n").trial.config["word"]
    assert (found, type(found)) == (value, type(value))
    assert yaml.safe_load(word) == value


@pytest.mark.parametrize(
    ("name", "text", "command", "told"),
    [
        (
            "a.yaml",
            "{optim: {lr: 1}, l: [2024-01-02, 2024-01-02 03:04:05], t: '2024-01-02'}",
            "{config.yaml}",
            "2 dates",
        ),
        ("a.toml", "optim.lr = 1\nday = 2024-01-02\n", "{config.toml}", "1 date"),
        ("a.yaml", "{optim: {lr: 1}, t: '2024-01-02'}", "{config.yaml}", None),
        ("a.yaml", "{optim: {lr: 1}, t: 2024-01-02}", "{args}", None),
    ],
)
def test_dates_that_become_text_are_told(tmp_path: Path, name: str, text: str, command: str, told: str | None) -> None:
    (tmp_path / "train.py").write_text("import argparse, os; os.environ['SWEEPER_SEED']")
    study = load(tmp_path, f"{{file: {name}}}", text, study=STUDY.replace("{args}", command))
    assert "2024-01-02" in str(study.trial.config)
    found = [note.removeprefix(f"{tmp_path}/") for note in plan_notes(study, tmp_path)]
    if told is None:
        assert found == []
    else:
        (note,) = found
        assert note.startswith(
            f"study.yaml:5:18: trial.config.file: {name} has {told}, e.g. 2024-01-02, which trials get"
        )


@pytest.mark.parametrize(("name", "text"), [("base.json", JSON), ("base.toml", TOML)])
def test_json_and_toml_are_read(tmp_path: Path, name: str, text: str) -> None:
    assert load(tmp_path, f"{{file: {name}}}", text).trial.config["optim"] == {"lr": 1e-3, "nesterov": False}


@pytest.mark.parametrize(
    ("changes", "key"), [('"optim.lr": 0.5', "'optim.lr'"), ('deep: {"optim.lr": 0.5}', "'optim.lr'")]
)
def test_a_key_with_a_dot_beside_its_section_is_refused(tmp_path: Path, changes: str, key: str) -> None:
    text = '{"optim": {"lr": 1e-3}, "deep": {"optim": {"lr": 1}}}'
    found = mistakes(tmp_path, f"{{file: base.json, set: {{{changes}}}}}", text)
    said = f"{key} is a key of its own, and changes nothing in 'optim'. Write it nested, e.g. optim: {{lr: …}}."
    assert any("trial.config.set" in line and said in line for line in found)


def test_a_key_with_a_dot_that_the_file_has_is_set(tmp_path: Path) -> None:
    text = '{"optim": {"lr": 1e-3}, "optim.steps": 1}'
    found = load(tmp_path, '{file: base.json, set: {"optim.steps": 2, "other.key": 3}}', text).trial.config
    assert found == {"optim": {"lr": 1e-3}, "optim.steps": 2, "other.key": 3}


def test_set_changes_and_adds_values(tmp_path: Path) -> None:
    config = load(tmp_path, '{file: base.json, set: {optim: {lr: 0.5}, seed: "{seed}"}}', JSON).trial.config
    assert config == {"optim": {"lr": 0.5, "nesterov": False}, "list": [1, None], "seed": "{seed}"}


def test_a_configuration_with_other_keys_is_one_itself(tmp_path: Path) -> None:
    assert load(tmp_path, "{file: x.yaml, optim: {lr: 0.5}}").trial.config == {"file": "x.yaml", "optim": {"lr": 0.5}}


def test_paths_that_the_file_does_not_have_are_mistakes(tmp_path: Path) -> None:
    wrong = STUDY.replace("optim.lr", "optim.lrr").replace("seeds: 2", "seeds: 2, config: {optim: {nestrov: true}}")
    assert mistakes(tmp_path, "{file: base.json}", JSON, study=wrong) == [
        "study.yaml:7:14: factors.lr.path: 'optim.lrr' is not in base.json. Did you mean 'optim.lr'? To add a key, put "
        "it into trial.config.set.",
        "study.yaml:8:61: phases[0].config.optim.nestrov: 'optim.nestrov' is not in base.json. Did you mean "
        "'optim.nesterov'? To add a key, put it into trial.config.set.",
    ]


def test_a_missing_file_is_one_mistake_among_others(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").touch()
    assert mistakes(tmp_path, "{file: bse.yaml}", study=STUDY.replace("minimize", "least")) == [
        "study.yaml:2:33: metric.direction: 'least' is not one of minimize, maximize. Whether lower values are "
        "better (minimize) or higher ones (maximize).",
        "study.yaml:5:11: trial.config.file: there is no file 'bse.yaml' in FOLDER. Did you mean 'base.yaml'? Its path "
        "starts at the study file.",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "optim:\n  lr: [1\n", "a.yaml:3:1: not plain YAML: "),
        ("a.yaml", "a: !!python/tuple [1]\n", "a.yaml:1:4: not plain YAML: could not determine a constructor for"),
        ("a.yaml", "optim: {lr: 1,\n  1: 2}\n", "a.yaml:2:3: the key 1 is not text. Put it in quotes"),
        ("a.yaml", "optim: {lr: 1}\nlist:\n- [{no: 2}]\n", "a.yaml:3:5: the key no is not text. Put it in quotes"),
        (
            "a.yaml",
            "optim: {lr: 1}\na: !!timestamp 2024-01-02\n",
            "a.yaml:2:4: not plain YAML: '!!timestamp' is none",
        ),
        ("a.yaml", "optim: {lr: 1}\na: [!!set {x}]\n", "a.yaml:2:5: not plain YAML: '!!set' is none of text, number"),
        ("a.yaml", "optim: {lr: 1}\na: !!binary aGk=\n", "a.yaml:2:4: not plain YAML: '!!binary' is none of text"),
        ("a.yaml", "optim: {lr: 1, [1]: 2}\n", "a.yaml:1:16: a key is not text."),
        ("a.json", '{"optim": {"lr": 1,}}', "a.json:1:20: not JSON: "),
        ("a.toml", "[optim]\nlr = \n", "a.toml:2:6: not TOML: Invalid value"),
        ("a.yaml", "- 1\n", "study.yaml:5:11: trial.config.file: 'a.yaml' is not a mapping"),
        ("a.json", '{"optim": {"lr": NaN}}', "study.yaml:5:3: trial.config.optim.lr: nan is not a finite number"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    (found,) = mistakes(tmp_path, f"{{file: {name}}}", text)
    assert found.startswith(message)
