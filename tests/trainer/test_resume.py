"""Test that a run that is cut anywhere and resumed equals the uninterrupted run, metrics and weights, bit for bit."""

import errno
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.trainer import run_in_children
from trainer import checkpoint, loop
from trainer.config import METRICS
from trainer.corpora.corpus import load_corpus

# What depends on the clock and the process, not on the run.
OF_THE_PROCESS = ("device_seconds", "peak_memory_bytes", "resumed")

CONFIG: dict[str, Any] = {
    "data": {
        "max_train_tokens": 3000,
        "vocabulary_size": 200,
        "batch_size": 4,
        "target_length": 9,
        "noise": "bigram_kneser_ney",
        "noise_rate": 0.2,
        "row_rotation": True,
        "random_start": True,
    },
    "model": {"layers": 2, "d_model": 16, "heads": 2, "memory_length": 7},
    "regularization": {
        "embedding_dropout": 0.1,
        "input_dropout": 0.2,
        "output_dropout": 0.1,
        "dropout": 0.1,
        "attention_dropout": 0.1,
    },
    "optimizer": {"weight_decay": 1e-4},
    "evaluation": {"times": 4, "log_times": 40, "batch_size": 50, "target_length": 60},
    "checkpoint": {"every_seconds": 0.01},
    "budget": {"steps": 200},
    "threads": 1,
    "device": "cpu",
    "seed": 3,
}


def metrics(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    found = [{name: value for name, value in line.items() if name not in OF_THE_PROCESS} for line in lines]
    return [line for line in found if "resumed_from" not in line]


def result(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "result.json").read_text())
    return {name: value for name, value in document.items() if name not in OF_THE_PROCESS}


def assert_equal_states(one: Any, other: Any) -> None:
    """Check that tensors are equal bit for bit, and everything else is equal."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            if name not in ("seconds", "peak_bytes", "metrics_bytes"):
                assert_equal_states(one[name], other[name])
    elif isinstance(one, list | tuple):
        for mine, theirs in zip(one, other, strict=True):
            assert_equal_states(mine, theirs)
    else:
        assert one == other


def assert_same_run(one: Path, other: Path) -> None:
    assert metrics(one) == metrics(other)
    assert result(one) == result(other)
    for name in ("checkpoint.pt", "best.pt"):
        assert_equal_states(checkpoint.load(one / name), checkpoint.load(other / name))
    assert sorted(path.name for path in one.iterdir()) == ["best.pt", "checkpoint.pt", "metrics.jsonl", "result.json"]
    assert sorted(path.name for path in other.iterdir()) == sorted(path.name for path in one.iterdir())


def do_jobs(tmp_path: Path, jobs: list[dict[str, Any]]) -> list[int]:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(jobs))
    command = [sys.executable, run_in_children.__file__, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return [int(line) for line in done.stdout.splitlines()]


def job(config: Path, folder: Path, *, cut_by: int | None = None, at_line: int = 0) -> dict[str, Any]:
    arguments = [str(config), "--run-dir", str(folder), "--resume"]
    return {"arguments": arguments, "signal": cut_by, "lines": at_line, "metrics": str(folder / "metrics.jsonl")}


def write_config(tmp_path: Path, config: dict[str, Any]) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a run that nothing cut."""
    code, folder = run(tmp_path_factory.mktemp("whole"), CONFIG)
    assert code == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_cut_again_and_again_is_the_run_that_was_not(tmp_path: Path, whole: Path, number: signal.Signals) -> None:
    config = write_config(tmp_path, CONFIG)
    cut, lines = tmp_path / "cut", [1, 3, 8, 9, 20, 21, 33, 40]
    codes = do_jobs(tmp_path, [*(job(config, cut, cut_by=number, at_line=line) for line in lines), job(config, cut)])
    assert codes[-1] == 0
    stopped = {128 + number, -number}
    assert sum(code in stopped for code in codes[:-1]) >= 4  # the others ended before the signal came
    assert_same_run(whole, cut)


def start(config: Path, folder: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "trainer", str(config), "--run-dir", str(folder), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


@pytest.mark.slow
def test_the_command_stops_at_a_signal_with_its_checkpoint_and_goes_on(tmp_path: Path, whole: Path) -> None:
    config = write_config(tmp_path, CONFIG)
    with start(config, tmp_path / "cut") as cut:
        run_in_children.wait_for_lines(cut.pid, tmp_path / "cut" / "metrics.jsonl", 2)
        cut.send_signal(signal.SIGINT)
        _, said = cut.communicate()
        assert cut.returncode == 130
        assert "trainer: stopped by signal 2; run the same command with --resume to continue" in said
        assert not (tmp_path / "cut" / "result.json").exists()
    with start(config, tmp_path / "cut", "--resume") as rest:
        _, said = rest.communicate()
        assert rest.returncode == 0
        assert "step 200/200: validation perplexity" in said
    assert_same_run(whole, tmp_path / "cut")


def run(tmp_path: Path, config: dict[str, Any], name: str = "run", *options: str) -> tuple[int, Path]:
    from trainer.command_line import main

    return main([str(write_config(tmp_path, config)), "--run-dir", str(tmp_path / name), *options]), tmp_path / name


SHORT = CONFIG | {
    "budget": {"steps": 12},
    "evaluation": {"times": 2, "log_times": 4, "batch_size": 50, "target_length": 60},
}


def test_a_resumed_run_that_had_ended_says_the_same_again(tmp_path: Path) -> None:
    code, folder = run(tmp_path, SHORT)
    assert code == 0
    before, text = result(folder), metrics(folder)
    code, _ = run(tmp_path, SHORT, "run", "--resume")
    assert code == 0
    assert result(folder) == before
    assert metrics(folder) == text


def test_a_longer_budget_goes_on_and_another_model_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = run(tmp_path, SHORT)
    code, _ = run(tmp_path, SHORT | {"budget": {"steps": 20}}, "run", "--resume")
    assert code == 0
    assert result(folder)["step"] == 20
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    capsys.readouterr()
    code, _ = run(tmp_path, SHORT | {"model": {"layers": 3}, "seed": 4}, "run", "--resume")
    assert code == 2
    said = capsys.readouterr().err
    assert "checkpoint.pt: belongs to another configuration: " in said
    assert "model.layers was 2 and is 3" in said
    assert "seed was 3 and is 4" in said
    assert "Restore the configuration, or start in another directory." in said
    assert before == sorted((path.name, path.read_bytes()) for path in folder.iterdir())


def test_a_budget_that_ends_before_the_checkpoint_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = run(tmp_path, SHORT)
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    code, _ = run(tmp_path, SHORT | {"budget": {"steps": 11}}, "run", "--resume")
    assert code == 2
    said = capsys.readouterr().err
    assert "checkpoint.pt: was saved after step 12, but the budget is 11 steps now" in said
    assert "Use a budget of at least 12 steps, or start in another directory." in said
    assert before == sorted((path.name, path.read_bytes()) for path in folder.iterdir())


@pytest.mark.parametrize(
    ("removes", "said"),
    [
        (False, "a file cannot be read or written: No space left on device. See to it that the disk has room"),
        (True, "was removed while the run was using it. Start the run anew."),
    ],
)
def test_a_run_whose_files_cannot_be_written_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], removes: bool, said: str
) -> None:
    def sync(descriptor: int) -> None:
        if removes:
            shutil.rmtree(tmp_path / "run")
        raise OSError(errno.ENOENT if removes else errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr("trainer.files.os.fsync", sync)
        code, folder = run(tmp_path, SHORT)
    shown = capsys.readouterr().err
    assert code == 1
    assert f"trainer: {folder}: {said}" in shown
    assert "Traceback" not in shown
    code, _ = run(tmp_path, SHORT, "run", "--resume")
    assert code == 0
    assert result(folder)["outcome"] == "completed"


@pytest.fixture
def corpora_read_anew() -> Iterator[None]:
    """Let a test change a corpus: what it reads is read by no other test of the process."""
    load_corpus.cache_clear()
    yield
    load_corpus.cache_clear()


@pytest.mark.usefixtures("corpora_read_anew")
def test_another_text_under_the_same_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from trainer.corpora import corpus
    from trainer.corpora.text import Text

    run(tmp_path, SHORT)
    text = corpus.load_pydocs()
    load_corpus.cache_clear()
    monkeypatch.setattr(corpus, "load_pydocs", lambda: Text("pydocs", text.train, text.valid + "the end\n", text.test))
    code, _ = run(tmp_path, SHORT, "run", "--resume")
    assert code == 2
    assert "was trained on another text of pydocs (its fingerprint is " in capsys.readouterr().err


def test_metrics_say_what_the_run_has_used(tmp_path: Path) -> None:
    _, folder = run(tmp_path, SHORT)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9, 12, 12]
    assert [line["tokens"] for line in lines[:-1]] == [4 * 9 * line["step"] for line in lines[:-1]]
    assert all(line["flops"] > 0 and line["peak_memory_bytes"] > 0 for line in lines)
    seconds = [line["device_seconds"] for line in lines]
    assert seconds == sorted(seconds)
    assert [("valid_perplexity" in line) for line in lines] == [False, True, False, True, False]
    assert "test_perplexity" in lines[-1]
    document = result(folder)
    assert document["outcome"] == "completed"
    assert document["valid_perplexity"] == min(line["valid_perplexity"] for line in lines if "valid_perplexity" in line)
    assert document["test_perplexity"] == lines[-1]["test_perplexity"]
    assert document["config"]["seed"] == 3


def test_the_same_seed_gives_the_same_run_and_another_another(tmp_path: Path) -> None:
    folders = [run(tmp_path, SHORT | {"seed": seed}, f"run{n}")[1] for n, seed in enumerate((5, 5, 6))]
    assert metrics(folders[0]) == metrics(folders[1])
    assert metrics(folders[0]) != metrics(folders[2])


# Weights that grow a hundredfold a step: soon nothing is finite.
DIVERGING = SHORT | {
    "budget": {"steps": 400},
    "optimizer": {"kind": "adamw", "learning_rate": 3.0, "weight_decay": 3.0, "warmup_fraction": 0.0, "clip": None},
    "evaluation": {"times": 400, "log_times": 400, "batch_size": 50, "target_length": 60},
}


def test_a_run_that_diverges_ends_with_3_and_its_last_good_checkpoint_from_which_it_diverges_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, folder = run(tmp_path, DIVERGING)
    assert code == 3
    said = capsys.readouterr().err
    assert "is not finite at step" in said or "the validation loss is" in said
    assert "Traceback" not in said
    document = json.loads((folder / "result.json").read_text())
    assert document["outcome"] == "diverged"
    assert document["message"] in said
    state = checkpoint.load(folder / "checkpoint.pt")
    assert 0 < state["progress"]["step"] < document["step"] + 1
    assert all(value.isfinite().all() for value in state["model"].values())
    assert all(value.isfinite().all() for values in state["optimizer"].values() for value in values)
    assert len((folder / "metrics.jsonl").read_bytes()) >= state["metrics_bytes"]
    code, _ = run(tmp_path, DIVERGING, "run", "--resume")
    assert code == 3
    assert json.loads((folder / "result.json").read_text())["message"] == document["message"]


def test_no_memory_left_ends_with_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from trainer.models.transformer_xl import TransformerXL

    def fail(*_: Any) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: 8 bytes")

    monkeypatch.setattr(TransformerXL, "forward", fail)
    code, folder = run(tmp_path, SHORT)
    assert code == 4
    assert "out of memory at step 1 on cpu. Try a smaller data.batch_size" in capsys.readouterr().err
    assert json.loads((folder / "result.json").read_text())["outcome"] == "out_of_memory"


def test_an_error_of_ours_is_not_taken_for_missing_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.models.transformer_xl import TransformerXL

    def fail(*_: Any) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(TransformerXL, "forward", fail)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run(tmp_path, SHORT)


@pytest.mark.slow
def test_a_run_writes_the_metrics_that_studies_may_name_and_no_others(tmp_path: Path) -> None:
    short = {
        "evaluation": {"times": 1, "log_times": 2, "batch_size": 50, "tokens": 0.3},
        "optimizer": {"average": 0.9},
        "budget": {"steps": 4},
    }
    code, folder = run(tmp_path, CONFIG | short)
    assert code == 0
    written = {name for line in metrics(folder) for name in line}
    assert written - {"step", "tokens", "flops", "epoch"} == set(METRICS)


def test_looks_on_the_way_see_a_part_and_the_end_sees_all(tmp_path: Path) -> None:
    config = SHORT | {"evaluation": SHORT["evaluation"] | {"times": 4, "tokens": 700}, "budget": {"steps": 40}}
    code, folder = run(tmp_path, config)
    assert code == 0
    *looks, last = [line for line in metrics(folder) if "look_loss" in line or "valid_loss" in line]
    assert [line["step"] for line in looks] == [10, 20, 30, 40]
    assert all("valid_loss" not in line and line["look_perplexity"] > 0 for line in looks)
    assert last["step"] == 40
    assert "look_loss" not in last
    document = result(folder)
    assert document["valid_perplexity"] == last["valid_perplexity"]
    assert document["test_perplexity"] == last["test_perplexity"]
    # The same weights, evaluated on the whole text every time.
    whole = SHORT | {"evaluation": SHORT["evaluation"] | {"times": 4, "tokens": 1.0}, "budget": {"steps": 40}}
    run(tmp_path, whole, "whole")
    every = [line for line in metrics(tmp_path / "whole") if "valid_loss" in line]
    assert min(line["valid_loss"] for line in every) <= last["valid_loss"]
    assert last["valid_loss"] in [line["valid_loss"] for line in every]
    assert document["best_step"] in [line["step"] for line in every if line["valid_loss"] == last["valid_loss"]]


def test_a_test_at_each_look_is_that_of_the_looks_weights_and_changes_nothing_else(tmp_path: Path) -> None:
    short = SHORT | {"budget": {"steps": 30}, "optimizer": {"average": 0.9}}
    documents, lines = [], []
    for number, test in enumerate([True, "each_look"]):
        evaluation = SHORT["evaluation"] | {"times": 3, "test": test}
        code, folder = run(tmp_path, short | {"evaluation": evaluation}, f"run-{number}")
        assert code == 0
        documents.append(result(folder))
        lines.append(metrics(folder))
    once, each = lines
    looks = [line for line in each if "test_perplexity" in line]
    assert [line["step"] for line in looks] == [10, 20, 30]
    assert [line["step"] for line in each].count(30) == 1  # no second test at the last step
    tests = {line["step"]: line["test_perplexity"] for line in looks}
    assert documents[1]["test_perplexity"] == tests[documents[1]["best_step"]] == documents[0]["test_perplexity"]
    names = ("step", "train_loss", "valid_loss", "raw_loss", "tokens")
    assert [[line.get(name) for name in names] for line in once if "train_loss" in line] == [
        [line.get(name) for name in names] for line in each
    ]


def test_a_run_that_ended_and_confirmed_its_best_weights_says_the_same_again(tmp_path: Path) -> None:
    config = SHORT | {"evaluation": SHORT["evaluation"] | {"tokens": 700}}
    _, folder = run(tmp_path, config)
    before, text = result(folder), metrics(folder)
    run(tmp_path, config, "run", "--resume")
    assert result(folder) == before
    assert metrics(folder) == text


def test_the_best_weights_by_looks_are_kept_where_they_are_best_on_the_whole_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.evaluation import Evaluation

    # Looks: the first is the best. The whole text: the last weights first, then the best by looks.
    config = SHORT | {"evaluation": SHORT["evaluation"] | {"times": 3, "tokens": 700, "test": False}}
    for number, (of_last, of_best, expected) in enumerate([(4.0, 3.5, 4), (3.0, 3.5, 12), (3.5, 3.5, 4)]):
        found = iter([2.0, 2.5, 2.6, of_last, of_best])
        monkeypatch.setattr(loop, "evaluate", lambda *_, found=found, **__: Evaluation(next(found), 10))
        _, folder = run(tmp_path, config, f"run-{number}")
        document = result(folder)
        assert document["best_step"] == expected
        assert document["valid_perplexity"] == pytest.approx(math.exp(min(of_last, of_best)))
        assert checkpoint.load(folder / "best.pt")["step"] == expected
