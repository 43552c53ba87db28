"""Test ensembles against the members' own evaluations, and against probabilities that come from their losses alone."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.command_line import main
from trainer.config.reading import parse
from trainer.corpora.corpus import load_corpus
from trainer.ensemble import Member, load_members, losses_of
from trainer.errors import UsageError
from trainer.loop import measure, train
from trainer.setup import evaluation_text, prepare

MODELS: dict[str, dict[str, Any]] = {
    "transformer_xl": {"memory_length": 6, "heads": 2},
    "adaptive": {"memory_length": 6, "heads": 2, "adaptive_cutoffs": [3, 6]},
    "awd_lstm": {"kind": "awd_lstm"},
    "gpt2": {"kind": "gpt2", "memory_length": 6, "heads": 2},
    "modern_gpt": {"kind": "modern_gpt", "memory_length": 6, "heads": 2},
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    words = ["the", "cat", "saw", "a", "dog", "and", "the", "dog", "saw", "a", "cat", "and", "ran"]
    for part, number in (("train", 60), ("valid", 9), ("test", 5)):
        lines = [" ".join(words[start % 7 : start % 7 + 5]) for start in range(number)]
        (folder / f"{part}.txt").write_text("\n".join(lines) + "\n")
    return folder


def trained(folder: Path, texts: Path, name: str, seed: int = 0, **sections: Any) -> Path:
    """Train a small model; return its directory."""
    config = parse(
        {
            "data": {"corpus": "folder", "folder": str(texts), "batch_size": 4, "target_length": 5},
            "model": {"layers": 1, "d_model": 8, **MODELS[name]},
            "optimizer": {"learning_rate": 0.05},
            "evaluation": {"times": 2, "batch_size": 3},
            "device": "cpu",
            "seed": seed,
            "budget": {"steps": 8},
            **sections,
        }
    )
    folder.mkdir()
    run = prepare(config, load_corpus(config.data), folder, torch.device("cpu"), resume=False)
    try:
        train(run)
    finally:
        run.log.close()
    return folder


@torch.no_grad()
def probabilities(member: Member, part: str) -> Tensor:
    """Return the probability of every word at every place of a text, [tokens, vocabulary], from losses alone."""
    text = evaluation_text(member.config, getattr(member.corpus, part))
    model, words = member.model, len(member.corpus.vocabulary.words)
    rows = []
    for stream in range(text.streams.shape[0]):
        length = text.streams.shape[1] - 1 - (1 if text.longer and stream >= text.longer else 0)
        memory = None
        for start in range(0, text.streams.shape[1] - 1 - bool(text.longer), 5):
            end = min(start + 5, text.streams.shape[1] - 1 - bool(text.longer))
            inputs = text.streams[[stream], start:end]
            rows += _after(model, inputs, memory, words)
            _, memory = model(inputs, inputs, memory)
        if length > text.streams.shape[1] - 1 - bool(text.longer):
            rows += _after(model, text.streams[[stream], -2:-1], memory, words)
    return torch.stack(rows)


def _after(model: Any, inputs: Tensor, memory: Any, words: int) -> list[Tensor]:
    """Return the probabilities after each input: the loss sums over places, so change one target at a time."""
    time, found = inputs.shape[1], []
    base = torch.zeros_like(inputs)
    for place in range(time):
        losses = []
        for word in range(words):
            targets = base.clone()
            targets[0, place] = word
            losses.append(float(model(inputs, targets, memory)[0]) * time)
        logs = -torch.tensor(losses, dtype=torch.float64)
        found.append((logs - logs.logsumexp(0)).exp())
    return found


def targets_of(member: Member, part: str) -> Tensor:
    """Return the words that `probabilities` predicts, in its order."""
    text = evaluation_text(member.config, getattr(member.corpus, part))
    rows = []
    for stream in range(text.streams.shape[0]):
        row = text.streams[stream, 1:]
        rows.append(row[: len(row) - (1 if text.longer and stream >= text.longer else 0)])
    return torch.cat(rows)


@pytest.mark.parametrize("part", ["valid", "test"])
def test_an_ensemble_is_the_mean_of_its_members_probabilities_or_logits(texts: Path, tmp_path: Path, part: str) -> None:
    names = ["transformer_xl", "awd_lstm", "gpt2"]
    folders = [trained(tmp_path / name, texts, name, seed) for seed, name in enumerate(names)]
    members = load_members(folders, "best")
    for member in members:
        member.model.double()
    found = losses_of(members, part)
    targets = targets_of(members[0], part)
    each = torch.stack([probabilities(member, part) for member in members])
    for number in range(3):
        own = -each[number].gather(1, targets[:, None]).log().mean()
        mean = each[: number + 1].mean(0)
        geometric = each[: number + 1].log().mean(0).exp()
        geometric = geometric / geometric.sum(1, keepdim=True)
        assert found.members[number].loss == pytest.approx(own.item(), rel=1e-9)
        assert found.probabilities[number].loss == pytest.approx(
            -mean.gather(1, targets[:, None]).log().mean().item(), rel=1e-9
        )
        assert found.logits[number].loss == pytest.approx(
            -geometric.gather(1, targets[:, None]).log().mean().item(), rel=1e-9
        )


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("average", [None, 0.8])
def test_a_member_alone_is_what_its_run_measured(texts: Path, tmp_path: Path, name: str, average: float | None) -> None:
    optimizer = {"learning_rate": 0.05, "average": average}
    folder = trained(tmp_path / "run", texts, name, optimizer=optimizer)
    (lines,) = [[json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]]
    best = min(line["valid_loss"] for line in lines if "valid_loss" in line)
    found = losses_of(load_members([folder], "best"), "valid")
    assert found.members[0].loss == pytest.approx(best, rel=1e-6)
    assert found.probabilities[0].loss == pytest.approx(best, rel=1e-6)
    if name != "adaptive":
        assert found.logits[0].loss == pytest.approx(best, rel=1e-6)
    last = losses_of(load_members([folder], "last"), "valid")
    assert last.members[0].loss == pytest.approx(lines[-1]["valid_loss"], rel=1e-6)


def test_the_command_prints_the_same_as_json(texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [trained(tmp_path / str(seed), texts, "transformer_xl", seed) for seed in (0, 1)]
    assert main(["ensemble", *map(str, folders), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    members = load_members(folders, "best")
    for part in ("valid", "test"):
        losses = losses_of(members, part)
        assert [each[part]["loss"] for each in found["members"]] == [each.loss for each in losses.members]
        assert found["ensembles"][1][part]["logits"]["loss"] == losses.logits[1].loss
        assert found["ensembles"][1][part]["probabilities"]["perplexity"] == math.exp(losses.probabilities[1].loss)
    assert [each["run_dir"] for each in found["members"]] == [str(folder) for folder in folders]
    assert main(["ensemble", *map(str, folders), "--part", "test"]) == 0
    shown = capsys.readouterr().out
    assert f"{found['ensembles'][1]['test']['logits']['perplexity']:.2f}" in shown
    assert "mean logits of the first 2" in shown


def test_members_that_have_not_completed_are_named_with_their_steps(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    complete, running = (trained(tmp_path / name, texts, "transformer_xl") for name in ("complete", "running"))
    (complete / "result.json").write_text("{}")
    assert main(["ensemble", str(complete), str(running), "--weights", "last"]) == 0
    notes = capsys.readouterr().err
    assert notes == f"{running}: has not completed (result.json is missing). It counts as of step 8.\n"


def test_runs_that_do_not_predict_the_same_are_refused(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = trained(tmp_path / "first", texts, "transformer_xl")
    data = {"corpus": "folder", "folder": str(texts), "batch_size": 4, "target_length": 5}
    fewer = trained(tmp_path / "fewer", texts, "transformer_xl", data=data | {"vocabulary_size": 5})
    shorter = trained(tmp_path / "shorter", texts, "transformer_xl", data=data | {"target_length": 4})
    assert main(["ensemble", str(first), str(fewer)]) == 2
    assert f"{fewer}: has another text or vocabulary than {first}." in capsys.readouterr().err
    assert main(["ensemble", str(first), str(shorter)]) == 2
    assert f"{shorter}: predicts 4 tokens at a time in 3 streams, but {first} 5 in 3." in capsys.readouterr().err
    assert main(["ensemble", str(first), str(tmp_path / "nothing")]) == 2
    assert "nothing/checkpoint.pt: no such file. An ensemble needs directories of runs" in capsys.readouterr().err
    (first / "best.pt").unlink()
    with pytest.raises(UsageError, match=r"best\.pt: no such file\. An ensemble needs .* with best\.pt"):
        load_members([first], "best")


def test_measuring_in_a_run_and_in_an_ensemble_reads_the_same_tokens(texts: Path, tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", texts, "gpt2", evaluation={"times": 1, "batch_size": 3, "final_tokens": 20})
    (member,) = load_members([folder], "last")
    found = losses_of([member], "test")
    run = prepare(member.config, member.corpus, folder, torch.device("cpu"), resume=True)
    run.log.close()
    whole = measure(run, evaluation_text(member.config, member.corpus.test), "test")
    assert found.members[0].num_tokens == whole.num_tokens
    assert found.members[0].loss == pytest.approx(whole.loss, rel=1e-6)


def test_files_that_are_no_run_or_another_ones_are_refused_in_a_sentence(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, other = trained(tmp_path / "first", texts, "transformer_xl"), trained(tmp_path / "other", texts, "gpt2")

    def refused(*folders: Path) -> str:
        assert main(["ensemble", *map(str, folders)]) == 2
        return capsys.readouterr().err

    assert "metrics.jsonl: is a file. An ensemble needs directories of runs." in refused(first / "metrics.jsonl")
    assert f"is the directory {first}, which is a member already" in refused(first, other / ".." / "first")
    best = (first / "best.pt").read_bytes()
    (first / "best.pt").write_bytes((other / "best.pt").read_bytes())
    assert "best.pt: has the weights of another model than the checkpoint.pt beside it" in refused(first)
    (first / "best.pt").write_bytes((first / "checkpoint.pt").read_bytes())
    assert "best.pt: is another file of a run" in refused(first)
    (first / "checkpoint.pt").write_bytes(best)
    assert "checkpoint.pt: is another file of a run" in refused(first)


def test_members_that_read_other_parts_of_the_texts_are_refused(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = trained(tmp_path / "whole", texts, "gpt2")
    part = trained(tmp_path / "part", texts, "gpt2", evaluation={"times": 2, "batch_size": 3, "final_tokens": 20})
    for folders, said in (((whole, part), "reads 20 tokens"), ((part, whole), "reads all tokens")):
        assert main(["ensemble", *map(str, folders)]) == 2
        assert f"{folders[1]}: {said} of the texts" in capsys.readouterr().err
