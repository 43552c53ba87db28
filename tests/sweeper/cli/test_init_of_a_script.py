"""A study of a script's own flags, from one command to a verdict."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sweeper.planning.plan import make_plan
from sweeper.scaffold import flags, frameworks, printed, proposal
from sweeper.spec.load import load_study
from sweeper.spec.program import CommandProgram
from sweeper.spec.study import Study
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]
ARGPARSE = """import argparse
import random
parser = argparse.ArgumentParser()
parser.add_argument("data", nargs="?", default="text")
parser.add_argument("--lr", "-l", type=float, default=0.01, help="learning rate (%(default)s, 50%% is too high)")
parser.add_argument("--hidden-size", type=int, default=8)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--amp", action="store_true")
parser.add_argument("--shuffle", action=argparse.BooleanOptionalAction, default=True)
parser.add_argument("--optimizer", choices=["adam", "sgd"], default="adam")
parser.add_argument("--betas", type=float, nargs=2, default=(0.9, 0.99))
parser.add_argument("--log-interval", type=int, default=10)
parser.add_argument("--no-accel", action="store_true")
parser.add_argument("--test-batch-size", type=int, default=100)
parser.add_argument("--seed", type=int)
parser.add_argument("--save", default="model.pt")
args = parser.parse_args()
assert args.data == "text" and args.save.endswith("/model.pt") and args.shuffle
noise = random.Random(args.seed)
for epoch in range(args.epochs):
    print("Epoch %3d/%d | train loss %.2f" % (epoch + 1, args.epochs, 9))
    loss = 2 - args.lr + noise.random() / 1000
    print(f"Epoch {epoch + 1}/{args.epochs} | valid loss: {loss:.4f}, accuracy {0.5:.1f}%")
"""
CLICK = """import click
@click.command()
@click.argument("data")
@click.option("--lr", default=0.1, help="the rate")
@click.option("--amp", is_flag=True)
@click.option("--steps", default=100)
@click.option("--log-dir", default="runs")
@click.option("-v", "--verbose", count=True)
def main(**options):
    writer.add_scalar("val/accuracy", 1.0, 1)
    writer.add_scalar("train/loss", 1.0, 1)
main()
"""
HYDRA = """import hydra, sys
@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    print("step", cfg.step, "loss", cfg.loss)
"""
FAKE_HYDRA = """import sys
def main(**_):
    assert sys.argv[1:] == ["--cfg", "job"]
    print("model: {lr: 0.001, _target_: parts.model.Model, name: 'a, b'}\\nseed: null\\nlogger: null")
    print("out: ???\\ntrainer: {max_time: null, max_steps: 50, same: '${seed}'}")
    return lambda function: function
"""
LIGHTNING = """import argparse
if False:
    import broken
class Model:
    def validation_step(self, batch, index):
        self.log("val/loss", self.loss(batch), on_step=False)
        self.log(f"val/{index}", 1.0)
parser = argparse.ArgumentParser()
parser.add_argument("--lr-decay", type=float, default=0.5)
parser.add_argument("--lr-scheduler", choices=["a", "b", "c", "d", "e"], default="a")
parser.add_argument("--hidden", type=int, default=8)
parser.add_argument("--learning-rate", type=float, default=0.1)
parser.parse_args()
"""
TRAINER = """import argparse
from transformers import Trainer, Seq2SeqTrainingArguments
parser = argparse.ArgumentParser()
parser.add_argument("--learning_rate", type=float, default=0.1)
parser.parse_args()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    return tmp_path


def made(sweeper: Sweeper, script: str) -> tuple[Study, str]:
    """The study that init makes of a script, and what it says."""
    Path("train.py").write_text(script)
    answer = sweeper("init", "train.py")
    assert answer.code == 0, answer.err
    study = load_study(Path("study.yaml"))
    assert make_plan(study).trials
    return study, answer.out


def command(study: Study) -> CommandProgram:
    assert isinstance(study.trial.program, CommandProgram)
    return study.trial.program


def test_a_script_of_argparse_leads_to_a_verdict_in_four_commands(sweeper: Sweeper) -> None:
    study, said = made(sweeper, ARGPARSE)
    assert said == "study.yaml: written. Look at metric, factors and claims, then run: sweeper plan study.yaml\n"
    assert study.name == "train"
    assert command(study).command[2:] == ("{data}", "{shuffle?--shuffle|--no-shuffle}", "{args}")
    assert study.trial.config == {
        "data": "text", "lr": 0.01, "hidden-size": 8, "epochs": "{epochs}", "amp": False, "shuffle": True,
        "optimizer": "adam", "log-interval": 10, "no-accel": False,
        "test-batch-size": 100, "seed": "{seed}", "save": "{run_dir}/model.pt",
    }  # fmt: skip
    assert (study.metric.name, study.metric.direction) == ("valid_loss", "minimize")
    assert {name: factor.levels for name, factor in study.factors.items()} == {
        "lr": (0.003, 0.01, 0.03), "hidden-size": (4, 8, 16),
    }  # fmt: skip
    text = Path("study.yaml").read_text()
    assert "# learning rate (0.01, 50% is too high)" in text
    assert "so left out: --betas" in text
    assert "# optimizer: {path: optimizer, levels: [adam, sgd]}" in text
    assert not any(f"{name}: {{path" in text for name in ("no-accel", "test-batch-size", "log-interval"))
    assert sweeper("plan", "study.yaml").err == ""
    assert sweeper("launch", "study.yaml", "--slots", "1").code == 0
    verdicts = json.loads(sweeper("claims", "train", "--json").out)["claims"]
    assert [verdict["verdict"] for verdict in verdicts] == ["supported"]
    rows = json.loads(sweeper("export", "train", "--table", "measurements", "--format", "json").out)
    assert {row["metric"] for row in rows} == {"valid_loss", "accuracy"}
    assert {row["step"] for row in rows} == {1, 2, 3}


def test_a_script_of_click_that_writes_for_tensorboard(sweeper: Sweeper) -> None:
    study, said = made(sweeper, CLICK)
    assert "Fill in config: data, the seed (no flag looks like one)" in said
    assert study.trial.config == {
        "data": "CHANGE_ME", "lr": 0.1, "amp": False, "steps": "{steps}", "log-dir": "{run_dir}",
    }  # fmt: skip
    assert (study.metric.name, study.metric.direction) == ("val_accuracy", "maximize")
    (source,) = command(study).sources
    assert source.names == {"val_accuracy": "val/accuracy", "train_loss": "train/loss"}
    assert (study.phases[0].budget.unit, study.phases[0].budget.amount) == ("steps", 100)


def test_a_script_of_hydra_is_asked_for_its_configuration(sweeper: Sweeper) -> None:
    Path("hydra.py").write_text(FAKE_HYDRA)
    study, _ = made(sweeper, HYDRA)
    assert command(study).command[2:] == ("hydra.run.dir={run_dir}", "{overrides}")
    assert study.trial.config == {
        "model": {"lr": 0.001, "name": "a, b"}, "seed": "{seed}", "out": "{run_dir}",
        "trainer": {"max_steps": "{steps}"},
    }  # fmt: skip
    assert command(study).metrics == {"step": r"step\s+{number}", "loss": r"loss\s+{number}"}
    assert "so left out: logger, trainer.max_time" in Path("study.yaml").read_text()


def test_the_classes_that_a_configuration_of_hydra_names_are_read_too(sweeper: Sweeper) -> None:
    Path("hydra.py").write_text(FAKE_HYDRA)
    Path("parts").mkdir()
    Path("parts/model.py").write_text("class Model:\n    def step(self):\n        self.log('val/acc', 1.0)\n")
    study, _ = made(sweeper, HYDRA.replace("print(", "train("))
    (source,) = command(study).sources
    assert (source.place, source.names) == ("{run_dir}/**/metrics.csv", {"val_acc": "val/acc"})
    assert (study.metric.name, study.metric.direction) == ("val_acc", "maximize")


def test_what_lightning_logs_is_not_looked_for_in_the_output(sweeper: Sweeper) -> None:
    Path("broken.py").write_text("print 'loss', 1\n")
    study, _ = made(sweeper, LIGHTNING)
    (source,) = command(study).sources
    assert (source.kind, source.names) == ("csv", {"val_loss": "val/loss"})
    assert list(study.factors) == ["learning-rate", "hidden"]  # neither its decay nor a choice among five


def test_a_shortened_word_in_front_of_a_metric_leaves_no_dot_in_its_name() -> None:
    found = printed.printed(["print('Avg. Loss: {:.2f}'.format(loss))"])
    assert found is not None
    assert found.patterns == {"avg_loss": r"Avg\.\s+Loss\s*:\s*{number}"}


@pytest.mark.parametrize(
    "call",
    [
        r'print(f"\033[1mval loss: {x}\033[0m")',
        r'print(f"\x1b[38;5;12mval \x1b[1mloss\x1b[0m: {x:.3f}")',
        r'print("\u001b[1m" + "val loss: %.3f" % x + "\u001b[0m")',
        r'print(f"\033[{code}mval loss: {x}")',
        r'print(f"{ESC}[1;31mval loss: {x}")',
        r'print(colored(f"val loss: {x}", "green"))',
        r'print(Fore.GREEN + f"val loss: {x}" + Fore.RESET)',
        r'print(click.style("val loss: {}".format(x), bold=True))',
        r'cprint("val loss: " + str(x), "red")',
    ],
)
def test_what_colors_a_text_is_no_part_of_its_metric(call: str) -> None:
    found = printed.printed([call])
    assert found is not None
    assert found.patterns == {"val_loss": r"val\s+loss\s*:\s*{number}"}


@pytest.mark.parametrize(
    ("imports", "is_hydra", "is_click"),
    [
        ("import csv, click", False, True),
        ("import click as c", False, True),
        ("if True:\n    from click import command, option", False, True),
        ("import os; import typer.main", False, True),
        ("from jsonargparse import CLI", False, False),
        ("import lightning as L\nL.pytorch.cli.LightningCLI()", False, False),
        ("import hydra as h\n@h.main(config_path=None)\ndef run(cfg): ...", True, False),
        ("from hydra import compose, main as hydra_main", True, False),
        ("import os, hydra\nhydra.main(config_path=None)(print)", True, False),
        ("from hydra.main import main", True, False),
    ],
)
def test_a_library_of_flags_is_seen_however_it_is_imported(imports: str, is_hydra: bool, is_click: bool) -> None:
    assert frameworks.uses_hydra([imports]) == is_hydra
    assert frameworks.uses_click([imports]) == is_click
    assert is_hydra or frameworks.uses_parser([imports])


def test_words_in_remarks_and_texts_are_no_imports() -> None:
    text = "# import argparse, click; @hydra.main\nprint('from click import argparse')\nimport hydra_slayer, clicker"
    assert not frameworks.uses_parser([text])
    assert not frameworks.uses_click([text])
    assert not frameworks.uses_hydra([text])


@pytest.mark.parametrize("name", ["manualSeed", "manual_seed", "rng-seed", "manualseed", "trainer.randomSeed"])
def test_a_seed_is_seen_however_its_words_are_joined(name: str) -> None:
    assert proposal.plain_name(name) in proposal.SEEDS


def test_an_infinite_default_is_no_level_and_save_to_is_a_place() -> None:
    found = [
        flags.Flag(name="limit", option="--limit", kind="float", default=float("inf")),
        flags.Flag(name="save-to", option="--save-to", kind="text", default="x"),
    ]
    script = flags.Script(path=Path("t.py"), interpreter="python", is_hydra=False, flags=tuple(found), source=())
    proposed = proposal.propose(script)
    assert [*proposed.chosen, *proposed.others] == []
    assert proposed.values["save-to"][0] == "{run_dir}"


@pytest.mark.parametrize(("package", "arguments"), [("transformers", "Seq2SeqTrainingArguments"), ("trl", "SFTConfig")])
def test_the_trainer_of_transformers_keeps_its_metrics_in_a_file(
    sweeper: Sweeper, package: str, arguments: str
) -> None:
    Path(f"{package}.py").write_text(f"Trainer = {arguments} = None\n")
    study, said = made(sweeper, TRAINER.replace("transformers", package).replace("Seq2SeqTrainingArguments", arguments))
    (source,) = command(study).sources
    assert (source.kind, source.path, source.names) == ("json", "log_history", {"eval_loss": "eval_loss"})
    assert "metric and metrics" not in said


def test_a_script_that_prints_no_metric_and_takes_no_numbers_is_still_a_start(sweeper: Sweeper) -> None:
    Path("train.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--x')\np.parse_args()\n"
    )
    answer = sweeper("init", "train.py", "other.yaml")
    assert answer.out.startswith("other.yaml: written. Fill in metric and metrics (no call of print looked like one), ")
    assert yaml.safe_load(Path("other.yaml").read_text())["study"] == "other"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("print('hi')\n", r"train.py: uses none of argparse, click, Typer and Hydra, so it is not run"),
        (
            "import argparse\nimport no_such_module\n",
            r"train.py: --help failed: ModuleNotFoundError: No module named 'no_s",
        ),
        ("import argparse\nprint('loss')\n", r"train.py: --help printed nothing that argparse"),
        ("import argparse\nimport time\ntime.sleep(60)\n", r"train.py: --help gave no answer within 2 s"),
        ("import argparse\ndef (\n", r"train.py: is not Python: "),
        (
            "import argparse\np = argparse.ArgumentParser()\np.add_subparsers().add_parser('fit')\np.parse_args()\n",
            r"train.py: has commands of its own \(fit\)",
        ),
        (None, r"train.py: No such file"),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_is_written(
    sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch, script: str | None, message: str
) -> None:
    if "gave no answer" in message:
        monkeypatch.setattr(flags, "TIMEOUT_S", 2.0)
    if script is not None:
        Path("train.py").write_text(script)
    answer = sweeper("init", "train.py")
    assert (answer.code, answer.out) == (2, "")
    assert re.match(message, answer.err), answer.err
    assert not Path("study.yaml").exists()


def test_an_existing_file_is_refused_before_the_script_is_run(sweeper: Sweeper) -> None:
    Path("train.py").write_text("import argparse\nopen('ran', 'w')\n")
    Path("study.yaml").write_text("mine\n")
    assert sweeper("init", "train.py").code == 2
    assert not Path("ran").exists()
    assert sweeper("init", "train.py", "a.yaml", "b.yaml").code == 2
