"""Sources that tools made themselves: their parameters, seeds, states, curves and times."""

import random
import shutil
import sqlite3
from pathlib import Path

import optuna
import pytest

from sweeper.errors import UsageError
from sweeper.importing.event_files import EventLog, read_events
from sweeper.importing.wandb_log import read_log
from tests.sweeper.importing.builders import FIXTURES, read, rows_of

GRID = [(lr, seed) for lr in (0.1, 0.01) for seed in (0, 1, 2)]


@pytest.fixture
def mlflow_database(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((FIXTURES / "mlflow.sql").read_text())
    connection.close()
    return path


def logged(lr: float, seed: int, step: int) -> float:
    """Return what the loop that made MLflow's fixtures logged."""
    drawn = random.Random(f"{lr}/{seed}")
    return 1 / step + lr + [drawn.random() for _ in range(step)][-1] * 0.01


def test_mlflow_s_database_has_parameters_seeds_states_curves_and_times(mlflow_database: Path) -> None:
    found = read(f"sqlite:///{mlflow_database}", "val_loss", "mlflow")
    assert found.factors == ("lr",)
    assert found.arranged.constants == {"optimizer": "adam"}
    assert rows_of(found, "lr", "seed", "state") == [
        *((lr, seed, "completed") for lr, seed in GRID),
        (0.1, 3, "failed"),
    ]
    for (lr, seed), ended in zip(GRID, found.arranged.runs, strict=False):
        assert ended.run.curves["val_loss"] == pytest.approx({step: logged(lr, seed, step) for step in range(1, 6)})
        assert ended.value == pytest.approx(logged(lr, seed, 5))
        assert ended.run.values["test_loss"] == pytest.approx(0.3 + lr)
    first = found.arranged.runs[0].run
    assert (first.started_at, first.ended_at) == (1795877140.488, 1795877140.868)
    assert any("lr = 0.01: no seed 3." in note for note in found.notes)


def test_mlflow_s_directory_has_the_same_runs(mlflow_database: Path) -> None:
    names = ("lr", "seed", "state", "val_loss", "test_loss")
    of_database, of_directory = (
        read(source, "val_loss", "mlflow") for source in (mlflow_database, FIXTURES / "mlruns")
    )
    assert sorted(map(str, rows_of(of_directory, *names))) == sorted(map(str, rows_of(of_database, *names)))


def test_runs_that_mlflow_deleted_are_left_out_and_experiments_are_chosen(mlflow_database: Path) -> None:
    with sqlite3.connect(mlflow_database) as connection:
        connection.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE status = 'FAILED'")
        connection.execute("INSERT INTO experiments (experiment_id, name) VALUES (9, 'other')")
        connection.execute("UPDATE runs SET experiment_id = 9 WHERE name = 'lr0.1-s0'")
    connection.close()
    with pytest.raises(UsageError, match=r"2 experiments: other, tuning. Choose one, e.g. --only tuning"):
        read(mlflow_database, "val_loss", "mlflow")
    assert len(read(mlflow_database, "val_loss", "mlflow", only="tuning").frame) == 5
    with pytest.raises(UsageError, match=r"--only.*'tunin'.*Did you mean 'tuning'"):
        read(mlflow_database, "val_loss", "mlflow", only="tunin")


def test_runs_of_mlflow_that_only_hold_others_together_are_left_out(mlflow_database: Path, tmp_path: Path) -> None:
    with sqlite3.connect(mlflow_database) as connection:
        (parent,) = connection.execute("SELECT run_uuid FROM runs WHERE name = 'lr0.1-s0'").fetchone()
        nested = connection.execute("SELECT run_uuid FROM runs WHERE run_uuid != ?", (parent,)).fetchall()
        connection.executemany(
            "INSERT INTO tags VALUES('mlflow.parentRunId', ?, ?)", [(parent, each) for (each,) in nested]
        )
    with_value = read(mlflow_database, "val_loss", "mlflow")  # that of the best run nested in it
    with sqlite3.connect(mlflow_database) as connection:
        connection.execute("DELETE FROM metrics WHERE run_uuid = ?", (parent,))
    connection.close()
    without = read(mlflow_database, "val_loss", "mlflow")
    shutil.copytree(FIXTURES / "mlruns", tmp_path / "mlruns")
    (home,) = (path.parent for path in tmp_path.rglob("meta.yaml") if "run_name: lr0.1-s0" in path.read_text())
    for path in home.parent.glob("*/meta.yaml"):
        if path.parent != home:
            (path.parent / "tags").mkdir()
            (path.parent / "tags" / "mlflow.parentRunId").write_text(home.name)
    for found in (with_value, without, read(tmp_path / "mlruns", "val_loss", "mlflow")):
        assert "lr0.1-s0: left out, as the runs nested in them are read." in found.notes
        assert len(found.frame) == len(nested)


@pytest.mark.parametrize("directory", ["tensorboard", "tensorboard_hparams"])
def test_tensorboard_s_parameters_are_logged_or_in_the_names_of_directories(directory: str) -> None:
    found = read(FIXTURES / directory, "val/loss", "tensorboard")
    assert found.factors == ("lr",)
    assert sorted(rows_of(found, "lr", "seed")) == sorted(GRID)
    for ended in found.arranged.runs:
        seed, lr = ended.run.seed, ended.run.cells["lr"]
        expected = {
            step: 1 / step + lr + random.Random(f"{seed}{step}").random() * 0.01
            + random.Random(f"{seed}{step}{lr}").random() * 0.001
            for step in range(1, 6)
        }  # fmt: skip
        assert ended.run.curves["val/loss"] == pytest.approx(expected, rel=1e-6)  # float32
        assert ended.run.started_at is not None


def test_event_files_are_read_as_tensorboard_s_own_reader_does() -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
    )
    for path in (FIXTURES / "tensorboard").rglob("*tfevents*"):
        own, theirs = EventLog(), accumulator.EventAccumulator(str(path.parent)).Reload()
        read_events(path, own)
        assert own.curves == {
            tag: {each.step: each.value for each in theirs.Scalars(tag)} for tag in theirs.Tags()["scalars"]
        }


def test_an_event_file_that_is_cut_short_is_read_up_to_there(tmp_path: Path) -> None:
    source = next((FIXTURES / "tensorboard").rglob("*tfevents*"))
    whole = EventLog()
    read_events(source, whole)
    content = source.read_bytes()
    lengths = set()
    for end in [*range(0, len(content), 7), len(content)]:
        path = tmp_path / "events.out.tfevents.cut"
        path.write_bytes(content[:end])
        cut = EventLog()
        read_events(path, cut)
        points = cut.curves.get("val/loss", {})
        assert points.items() <= whole.curves["val/loss"].items()
        lengths.add(len(points))
    assert lengths == {0, 1, 2, 3, 4, 5}


def test_tensorboard_without_parameters_says_how_to_name_directories(tmp_path: Path) -> None:
    source = next((FIXTURES / "tensorboard").rglob("*tfevents*"))
    (tmp_path / "first").mkdir()
    shutil.copy(source, tmp_path / "first")
    with pytest.raises(UsageError, match=r"nothing says what was varied.*add_hparams.*lr=0.1,seed=3"):
        read(tmp_path, "val/loss", "tensorboard")
    with pytest.raises(UsageError, match=r"--metric.*'val_loss'.*Did you mean 'val/loss'"):
        read(FIXTURES / "tensorboard", "val_loss", "tensorboard")
    (tmp_path / "first" / "events.out.tfevents.text").write_text("this is no event file at all")
    with pytest.raises(UsageError, match=r"events.out.tfevents.text: is not an event file"):
        read(tmp_path, "val/loss", "tensorboard")


def test_offline_runs_of_wandb_have_their_configuration_and_curves() -> None:
    found = read(FIXTURES / "wandb", "val_loss", "wandb")
    assert found.factors == ("lr",)
    assert found.arranged.constants == {"model.depth": 2}
    assert sorted(rows_of(found, "lr", "seed", "state")) == [
        (lr, seed, "completed") for lr in (0.01, 0.1) for seed in (0, 1)
    ]
    for ended in found.arranged.runs:
        drawn = random.Random(ended.run.seed)
        expected = {step * 10: 1 / (step + 1) + ended.run.cells["lr"] + drawn.random() * 0.01 for step in range(5)}
        assert ended.run.curves["val_loss"] == pytest.approx(expected)
        assert ended.value == pytest.approx(expected[40])
        assert ended.run.started_at is not None


def test_a_run_of_wandb_that_was_cut_short_has_not_ended(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "wandb", tmp_path / "wandb")
    path = next((tmp_path / "wandb").rglob("*.wandb"))
    path.write_bytes(path.read_bytes()[:1000])
    assert read_log(path).exit_code is None
    notes = read(tmp_path / "wandb", "val_loss", "wandb").notes
    assert any(f"{path.parent.name}: has not ended" in note for note in notes)


def test_older_directories_of_wandb_have_settings_and_a_summary(tmp_path: Path) -> None:
    for lr, seed in GRID:
        files = tmp_path / "wandb" / f"offline-run-{lr}-{seed}" / "files"
        files.mkdir(parents=True)
        config = f"wandb_version: 1\n_wandb:\n  value: {{x: 1}}\nlr:\n  value: {lr}\nseed:\n  value: {seed}\n"
        (files / "config.yaml").write_text(config)
        (files / "wandb-summary.json").write_text(f'{{"val_loss": {lr + seed}, "_step": 40, "_runtime": 3}}')
    found = read(tmp_path, "val_loss", "wandb")
    assert rows_of(found, "lr", "seed", "val_loss")[0] == (0.01, 0, 0.01)
    assert found.arranged.runs[0].run.length == 40


def test_optuna_s_trials_have_parameters_ranges_states_and_curves(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(study_name="tutorial", storage=storage, direction="maximize")

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 1e-3, 10, log=True)
        for step in range(3):
            trial.report(x + step, step)
        if trial.number == 3:
            raise optuna.TrialPruned
        return -((x - 2) ** 2)

    study.optimize(objective, n_trials=6)
    found = read(storage, "value", "optuna")
    phase = found.imported.study.phases[0]
    assert (phase.design.kind, found.metric.direction) == ("sampler", "maximize")
    drawn = found.imported.study.factors["x"].range
    assert drawn is not None
    assert (drawn.low, drawn.high, drawn.log) == (1e-3, 10, True)
    assert [each.state for each in found.arranged.runs].count("pruned") == 1
    assert found.arranged.runs[0].run.curves["value"] == pytest.approx(study.trials[0].intermediate_values)
    assert found.arranged.runs[0].value == study.trials[0].value
    assert any("are a search" in note for note in found.notes)


def test_a_grid_of_optuna_is_a_grid_and_its_seed_a_seed(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    space = {"lr": [0.1, 0.01], "optimizer": ["sgd", "adam"], "seed": [0, 1]}
    study = optuna.create_study(study_name="grid", storage=storage, sampler=optuna.samplers.GridSampler(space))
    study.optimize(
        lambda trial: (
            trial.suggest_float("lr", 0, 1)
            + (trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd")
            + trial.suggest_int("seed", 0, 1) / 100
        ),
        n_trials=8,
    )
    found = read(tmp_path / "study.db", "loss", "optuna")
    assert set(found.factors) == {"lr", "optimizer"}
    assert [(each.design.kind, each.seeds) for each in found.imported.study.phases] == [("grid", (0, 1))]


def test_a_conditional_parameter_of_optuna_depends_on_the_one_that_decides_it(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(study_name="s", storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))

    def objective(trial: optuna.Trial) -> float:
        if trial.suggest_categorical("kind", ["svc", "forest"]) == "svc":
            return trial.suggest_float("c", 0.1, 10, log=True)
        return float(trial.suggest_int("depth", 2, 32))

    study.optimize(objective, n_trials=12)
    factors = read(storage, "loss", "optuna").imported.study.factors
    assert (factors["c"].when, factors["depth"].when) == ({"kind": ("svc",)}, {"kind": ("forest",)})


def test_a_storage_of_several_studies_asks_for_one(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    for name in ("one", "two"):
        optuna.create_study(study_name=name, storage=storage)
    with pytest.raises(UsageError, match=r"2 studies: one, two. Choose one, e.g. --only one"):
        read(storage, "loss", "optuna")
    with pytest.raises(UsageError, match=r"--only.*'tow'.*Studies: one, two"):
        read(storage, "loss", "optuna", only="tow")
    with pytest.raises(UsageError, match=r"study 'two' has no trials"):
        read(storage, "loss", "optuna", only="two")


@pytest.mark.parametrize("form", ["optuna", "mlflow"])
def test_a_database_of_something_else_is_refused_and_none_is_made(tmp_path: Path, form: str) -> None:
    missing = tmp_path / "missing.db"
    with pytest.raises(UsageError, match=r"missing.db: no such file"):
        read(f"sqlite:///{missing}", "loss", form)  # type: ignore[arg-type]
    assert not missing.exists()
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(UsageError, match=r"other.db: (is not|has no)"):
        read(other, "loss", form)  # type: ignore[arg-type]
