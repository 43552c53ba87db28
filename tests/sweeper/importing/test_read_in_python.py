"""`sweeper.read`: mistakes and notes name its arguments, as those of `sweeper import` name options."""

import json
from pathlib import Path

import optuna
import pytest

import sweeper
from sweeper.errors import UsageError
from tests.sweeper.importing.builders import FIXTURES, read, write_csv

ROWS = [{"lr": lr, "seed": seed, "loss": 1 + lr + seed / 100} for lr in (0.1, 0.2) for seed in range(3)]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"metric": "los"}, "metric: {} has no column 'los'. Did you mean 'loss'?"),
        ({"seed": "sed"}, "seed: {} has no column 'sed'. Did you mean 'seed'?"),
        ({"factors": ["lrr"]}, "factors: 'lrr' is not a parameter in"),
        ({"factors": "lr"}, "factors: 'lr' is one name. Use a list: factors=['lr']."),
        ({"strata": ["task"]}, "strata: 'task' is not a parameter in"),
        ({"only": "x"}, "only: csv has no studies"),
        ({"direction": "min"}, "direction: 'min' is not one of minimize, maximize."),
        ({"scale": "ln"}, "scale: 'ln' is not one of log, linear."),
        ({"value": "lats"}, "value: 'lats' is not one of last, best. Did you mean 'last'?"),
        ({"form": "xls"}, "form: 'xls' is not one of csv, jsonl,"),
        ({"name": "a/b"}, "name: 'a/b' contains '/'"),
        ({"metric": 3}, "metric: 3 is not a text."),
    ],
)
def test_a_mistake_names_the_argument(tmp_path: Path, given: dict[str, object], says: str) -> None:
    path = write_csv(tmp_path / "runs.csv", ROWS)
    with pytest.raises(UsageError) as error:
        sweeper.read(path, **{"metric": "loss", **given})  # type: ignore[arg-type] # mistakes
    place = "runs.csv" if "column" in says else str(path)
    assert str(error.value).startswith(says.format(place))
    assert "--" not in str(error.value)


@pytest.mark.parametrize(
    ("form", "source", "says"),
    [
        ("tensorboard", FIXTURES / "tensorboard", "metric: no run in"),
        ("mlflow", FIXTURES / "mlruns", "metric: no run in"),
        ("wandb", FIXTURES / "wandb", "metric: no run in"),
    ],
)
def test_so_do_other_sources(form: str, source: Path, says: str) -> None:
    with pytest.raises(UsageError) as error:
        sweeper.read(source, metric="los", form=form)  # type: ignore[arg-type] # a literal
    assert str(error.value).startswith(says)
    with pytest.raises(UsageError, match=r"^--metric: no run in"):
        read(source, "los", form)  # type: ignore[arg-type] # a literal


def test_a_choice_is_written_as_python_writes_it(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    for name in ("one", "other"):
        optuna.create_study(study_name=name, storage=storage)
    with pytest.raises(UsageError, match=r"Choose one, e\.g\. only='one'\.") as error:
        sweeper.read(storage, metric="loss", form="optuna")
    assert "--" not in str(error.value)
    with pytest.raises(UsageError, match=r"Choose one, e\.g\. --only one\."):
        read(storage, "loss", "optuna")


def test_notes_name_arguments_too(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(f"{json.dumps({**row, 'seed': None})}\n" for row in [*ROWS, ROWS[0]]))
    found = sweeper.read(path, metric="loss")
    assert "loss: minimize, by its name. If that is wrong, say it by direction='maximize'." in found.notes
    assert any("Name the column of the seeds by seed='...', if there is one." in note for note in found.notes)
    assert not any("--" in note for note in found.notes)
    assert any("say it by --direction maximize." in note for note in read(path, "loss").notes)
