"""What is started for a trial: arguments, environment, files."""

import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.execution.slots.programs import argv_of, environment_of, missing_variables, write_config
from sweeper.execution.slots.resources import Slot, find_slots
from sweeper.spec.program import CommandProgram, PythonProgram, TrainerProgram, Trial
from sweeper.store.records import Lease
from sweeper.subprocesses import module_command, one_blas_thread

SLOT = Slot(name="cpu-0", device="cpu", threads=2, environment={"OMP_NUM_THREADS": "2", "LANG": "slot"})


def lease_of(run_dir: Path, **changes: Any) -> Lease:
    values: dict[str, Any] = {
        "trial_id": 1,
        "attempt_id": 1,
        "study_id": 1,
        "study": "s",
        "metric": "loss",
        "direction": "minimize",
        "phase_id": 1,
        "phase": "screen",
        "number": 0,
        "fence": 1,
        "attempt": 1,
        "configuration": {"rate": 0.1, "depth": 4},
        "config": {"optimizer": {"lr": 0.1, "kind": "adam"}, "depth": 4, "flag": True},
        "configuration_hash": "0" * 64,
        "seed": 7,
        "budget": {"steps": 300},
        "run_dir": run_dir,
        "optuna_trial_id": 1,
    }
    return Lease(**(values | changes))


def test_placeholders_take_dotted_paths_factors_and_what_defines_a_trial(tmp_path: Path) -> None:
    words = ("run", "--lr={optimizer.lr}", "--rate", "{rate}", "{seed}", "{steps}", "{run_dir}/x", "{config}", "{flag}")
    argv = argv_of(CommandProgram(words), lease_of(tmp_path))
    assert argv == [
        "run", "--lr=0.1", "--rate", "0.1", "7", "300", f"{tmp_path}/x", f"{tmp_path}/config.json", "true",
    ]  # fmt: skip


def test_a_command_may_name_the_interpreter_that_sweeper_runs_under(tmp_path: Path) -> None:
    assert argv_of(CommandProgram(("{python}", "x.py")), lease_of(tmp_path)) == [
        sys.executable,
        "x.py",
    ]


def test_a_flag_is_there_while_its_value_is_true(tmp_path: Path) -> None:
    program = CommandProgram(("run", "{flag?--flag}", "{tied?--tied}", "--last"))
    assert argv_of(program, lease_of(tmp_path, configuration={"tied": False})) == ["run", "--flag", "--last"]


def test_whole_epochs_are_whole_numbers_for_a_program(tmp_path: Path) -> None:
    program = CommandProgram(("run", "{epochs}"))
    whole, part = lease_of(tmp_path, budget={"epochs": 6.0}), lease_of(tmp_path, budget={"epochs": 0.5})
    assert [argv_of(program, each)[1] for each in (whole, part)] == ["6", "0.5"]
    assert environment_of(Trial(program=program), whole, SLOT, {})["SWEEPER_BUDGET"] == '{"epochs": 6}'


def test_no_shell_reads_an_argument(tmp_path: Path) -> None:
    argv = argv_of(CommandProgram(("echo", "{rate}; rm -rf /")), lease_of(tmp_path))
    assert argv == ["echo", "0.1; rm -rf /"]


def test_the_trainer_and_functions_run_under_this_interpreter(tmp_path: Path) -> None:
    config = str(tmp_path / "config.json")
    trainer = argv_of(TrainerProgram(), lease_of(tmp_path))
    assert trainer == module_command("trainer", config, "--run-dir", str(tmp_path), "--resume")
    assert trainer[0] == sys.executable
    assert argv_of(PythonProgram("m:f"), lease_of(tmp_path))[-1] == "m:f"


def test_loggers_find_the_names_of_study_and_trial(tmp_path: Path) -> None:
    mine = {"WANDB_NAME": "of-another-run", "MLFLOW_RUN_NAME": "of-another-run"}
    trial = Trial(program=TrainerProgram(), environment={"WANDB_RUN_GROUP": "chosen"})
    found = environment_of(trial, lease_of(tmp_path, number=3), SLOT, mine)
    assert found["WANDB_RUN_GROUP"] == "chosen"
    assert found["WANDB_NAME"] == found["MLFLOW_RUN_NAME"] == "s/screen/3"
    assert found["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "tensorboard")
    assert environment_of(Trial(program=TrainerProgram()), lease_of(tmp_path), SLOT, {})["WANDB_RUN_GROUP"] == "s"


def test_the_study_overrides_the_slot_and_the_protocol_overrides_both(tmp_path: Path) -> None:
    trial = Trial(program=TrainerProgram(), environment={"LANG": "study", "SWEEPER_SEED": "wrong"})
    found = environment_of(trial, lease_of(tmp_path), SLOT, {"PATH": "/bin", "LANG": "mine"})
    assert found["PATH"] == "/bin"
    assert found["OMP_NUM_THREADS"] == "2"
    assert found["LANG"] == "study"
    assert found["SWEEPER_SEED"] == "7"
    assert json.loads(found["SWEEPER_BUDGET"]) == {"steps": 300}
    assert found["SWEEPER_METRIC"] == "loss"


def test_the_trainer_is_told_seed_budget_and_its_slot(tmp_path: Path) -> None:
    path = write_config(
        Trial(program=TrainerProgram()), lease_of(tmp_path, config={"device": "auto", "threads": None}), SLOT
    )
    assert json.loads(path.read_text()) == {"budget": {"steps": 300}, "device": "cpu", "seed": 7, "threads": 2}


def test_other_programs_get_their_config_as_it_is(tmp_path: Path) -> None:
    path = write_config(Trial(program=CommandProgram(("x",))), lease_of(tmp_path), SLOT)
    assert json.loads(path.read_text()) == lease_of(tmp_path).config


def variables(tmp_path: Path, environment: dict[str, str], inherited: dict[str, str]) -> dict[str, str]:
    trial = Trial(program=TrainerProgram(), environment=environment)
    return environment_of(trial, lease_of(tmp_path), SLOT, inherited)


def test_variables_take_placeholders_and_what_the_slot_has(tmp_path: Path) -> None:
    environment = {
        "RATE": "{rate}",
        "TOKEN": "${HF_TOKEN}",
        "PATH": "/opt/{depth}:${PATH}",
        "BRACES": "{{rate}} ${{HOME}}",
        "PLAIN": "$HOME",
        "OLD": "{no such name}",
    }
    found = variables(tmp_path, environment, {"HF_TOKEN": "se{rate}cret", "PATH": "/bin", "HOME": "/home"})
    assert {name: found[name] for name in environment} == {
        "RATE": "0.1",
        "TOKEN": "se{rate}cret",
        "PATH": "/opt/4:/bin",
        "BRACES": "{rate} ${HOME}",
        "PLAIN": "$HOME",
        "OLD": "{no such name}",
    }


def test_a_variable_that_the_slot_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="HF_TOKEN is not set where the slot runs") as caught:
        variables(tmp_path, {"TOKEN": "${HF_TOKEN}"}, {"PATH": "/bin"})
    assert caught.value.filename == "trial.environment.TOKEN"
    trial = Trial(program=TrainerProgram(), environment={"A": "${X}${Y}", "B": "${X} {{Z}}"})
    assert missing_variables(trial, {"Y": ""}) == ["X"]


def test_small_floats_in_a_config_are_numbers_to_readers_of_yaml_too(tmp_path: Path) -> None:
    config = {"lr": 1e-05, "deep": {"list": [1e-07, 2.5e-09, 1e22, "1e-05", -3e-08]}, "n": 3, "text": "a: 1e-05"}
    path = write_config(Trial(program=CommandProgram(("x",))), lease_of(tmp_path, config=config), SLOT)
    assert json.loads(path.read_text()) == config
    assert yaml.safe_load(path.read_text()) == config


def test_a_list_of_arguments_passes_all_that_no_other_argument_does(tmp_path: Path) -> None:
    config = {"data": "d", "out": "{run_dir}/o", "seed": "{seed}", "model": {"layers": 2, "tied": True}, "resume": None}
    words = ("run", "{data}", "--name=run-{model.layers}", "{args}", "--end={model.tied}")
    assert argv_of(CommandProgram(words), lease_of(tmp_path, config=config)) == [
        "run", "d", "--name=run-2", f"--out={tmp_path}/o", "--seed=7", "--model.layers=2", "--end=true",
    ]  # fmt: skip
    assert argv_of(CommandProgram(("run", "{overrides}")), lease_of(tmp_path, config=config))[1:] == [
        "data=d", f"out={tmp_path}/o", "seed=7", "model.layers=2", "model.tied=true", "resume=null",
    ]  # fmt: skip


def test_a_level_that_is_a_mapping_is_json_and_passed_once(tmp_path: Path) -> None:
    config = {"optimizer": {"kind": "sgd", "betas": [0.9, 1]}, "depth": 4, "clip": None}
    lease = lease_of(tmp_path, config=config, configuration={"which": config["optimizer"]})
    words = ("run", "--opt={optimizer}", "{which}", "{optimizer.kind}", "{clip?--clip={clip}}", "{args}")
    whole = '{"kind": "sgd", "betas": [0.9, 1]}'
    assert argv_of(CommandProgram(words), lease) == ["run", f"--opt={whole}", whole, "sgd", "--depth=4"]


def test_a_program_gets_its_config_in_the_form_that_it_reads(tmp_path: Path) -> None:
    config = {"lr": 1e-05, "model": {"name": "no", "sizes": [1, 2.5]}, "seed": "{seed}", "steps": "{steps}"}
    full = {"lr": 1e-05, "model": {"name": "no", "sizes": [1, 2.5]}, "seed": 7, "steps": 300}
    trial = Trial(program=CommandProgram(("x", "--c={config.yaml}")), environment={"C": "${HOME} {config.toml}"})
    write_config(trial, lease_of(tmp_path, config=config), SLOT)
    assert json.loads((tmp_path / "config.json").read_text()) == full
    assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == full
    assert tomllib.loads((tmp_path / "config.toml").read_text()) == full
    assert argv_of(trial.program, lease_of(tmp_path))[1] == f"--c={tmp_path}/config.yaml"
    assert environment_of(trial, lease_of(tmp_path), SLOT, {"HOME": "/h"})["C"] == f"/h {tmp_path}/config.toml"


@pytest.mark.parametrize("own", [None, "7"])
def test_trials_do_not_inherit_the_threads_of_our_own_processes(
    own: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if own is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", own)
    wants = {"BLAS": "${OPENBLAS_NUM_THREADS}"} if own is not None else {}
    trial = Trial(program=CommandProgram(()), environment=wants)
    with one_blas_thread():
        on_node = environment_of(trial, lease_of(tmp_path), Slot(name="node", device="cpu"), os.environ)
        here = find_slots("cpu", 1, gpus_per_trial=1, threads_per_trial=3)[0]
        on_slot = environment_of(trial, lease_of(tmp_path), here, os.environ)
    assert (on_node.get("OPENBLAS_NUM_THREADS"), on_node.get("BLAS")) == (own, own)
    assert on_slot["OPENBLAS_NUM_THREADS"] == "3"
    assert not [name for name in (*on_node, *on_slot) if name.startswith("SWEEPER_USERS")]
