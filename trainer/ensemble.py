"""Evaluate an ensemble of trained runs: the average of their probabilities, and that of their logits.

Logits are averaged as log-probabilities, which differ from them by a constant per token, and normalized again.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor

from trainer import checkpoint
from trainer.config.model import TrainerConfig
from trainer.config.reading import parse
from trainer.config.wording import ConfigError
from trainer.corpora.corpus import Corpus, load_corpus
from trainer.errors import Unreadable, UsageError
from trainer.evaluation import Evaluation, EvaluationText, of_first_streams
from trainer.models.language_model import LanguageModel, Memory
from trainer.models.softmax_loss import chunk_rows
from trainer.precision import Weights
from trainer.request import BEST_FILE, CHECKPOINT_FILE
from trainer.setup import build_model, choose_device, evaluation_text

Which = Literal["best", "last"]
PARTS: Final = ("valid", "test")


@dataclass(frozen=True, slots=True)
class Member:
    """A trained run, ready to be evaluated.

    Attributes:
        step: the step whose weights it has.
    """

    folder: Path
    config: TrainerConfig
    corpus: Corpus
    model: LanguageModel
    step: int


@dataclass(frozen=True, slots=True)
class Losses:
    """Nats per word of a text.

    Attributes:
        members: of each member.
        probabilities, logits: of the ensembles of the first 1, 2, … members, with that average.
    """

    members: tuple[Evaluation, ...]
    probabilities: tuple[Evaluation, ...]
    logits: tuple[Evaluation, ...]


def load_members(folders: Sequence[Path], which: Which) -> list[Member]:
    """Load runs.

    Raises:
        UsageError: a run is incomplete, its text is not here, or the runs do not predict the same words.
    """
    _check_folders(folders)
    members = [_load(folder, which) for folder in folders]
    first = members[0]
    device = next(first.model.parameters()).device
    for other in members[1:]:
        _check_comparable(first, other)
        other.model.to(device)  # its configuration may ask for another one
    return members


def _check_folders(folders: Sequence[Path]) -> None:
    """Refuse directories that are none, or that are given twice: two of a member are one."""
    known: dict[Path, Path] = {}
    for folder in folders:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder}: is a file. An ensemble needs directories of runs.")
        if (same := known.get(folder.resolve())) is not None:
            raise UsageError(f"{folder}: is the directory {same}, which is a member already. Name each run once.")
        known[folder.resolve()] = folder


def _load(folder: Path, which: Which) -> Member:
    state = _read(folder / CHECKPOINT_FILE, ("config", "corpus", "model", "optimizer", "progress"))
    try:
        config = parse(json.loads(state["config"]))
    except ConfigError as error:
        raise UsageError(f"{folder}: was written by another version of the trainer: {error}") from error
    corpus = load_corpus(config.data)
    if state["corpus"] != corpus.fingerprint:
        raise UsageError(f"{folder}: was trained on another text of {corpus.name} than is here. Restore that text.")
    device = choose_device(config)
    model = build_model(config, len(corpus.vocabulary.words), device)
    weights = Weights(model, config.precision)
    if which == "best":
        best = _read(folder / BEST_FILE, ("model", "step"))
        own, step = best["model"], int(best["step"])
    else:
        own, step = _last_weights(state, weights.names), int(state["progress"]["step"])
    _check_shapes(folder / (BEST_FILE if which == "best" else CHECKPOINT_FILE), own, state["model"])
    weights.load_state(own)
    model.memory_length = config.evaluation_lengths[1]
    return Member(folder, config, corpus, model.eval(), step)


def _read(path: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """Read a file of a run that has some entries."""
    try:
        state = checkpoint.load(path)
    except Unreadable as error:
        raise UsageError(f"{error.fault}. An ensemble needs directories of runs with {path.name}.") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if not all(name in state for name in wanted):
        raise UsageError(f"{path}: is another file of a run. An ensemble needs directories as the trainer writes them.")
    return state


def _check_shapes(path: Path, weights: Mapping[str, Tensor], of_run: Mapping[str, Tensor]) -> None:
    """Refuse weights of another model than the run's."""
    if {name: each.shape for name, each in weights.items()} != {name: each.shape for name, each in of_run.items()}:
        raise UsageError(f"{path}: has the weights of another model than the {CHECKPOINT_FILE} beside it. Restore it.")


def _last_weights(state: dict[str, Any], names: Sequence[str]) -> dict[str, Tensor]:
    """Return the last weights of a run or, if it averages them, their average."""
    optimizer = state["optimizer"]
    average = optimizer.get("average", {})
    if average.get("averages") is None or average["num_averaged"] == 0:
        weights: dict[str, Tensor] = state["model"]
        return weights
    return dict(zip(names, average["averages"], strict=True))


def _check_comparable(first: Member, other: Member) -> None:
    same_text = all(torch.equal(getattr(first.corpus, part), getattr(other.corpus, part)) for part in PARTS)
    if first.corpus.vocabulary.words != other.corpus.vocabulary.words or not same_text:
        raise UsageError(
            f"{other.folder}: has another text or vocabulary than {first.folder}. Members of an ensemble must predict "
            "the same words, so train them with the same data.corpus, tokenization and vocabulary."
        )
    lengths = [member.config.evaluation_lengths[0] for member in (first, other)]
    options = [member.config.evaluation for member in (first, other)]
    if lengths[0] != lengths[1] or options[0].batch_size != options[1].batch_size:
        raise UsageError(
            f"{other.folder}: predicts {lengths[1]} tokens at a time in {options[1].batch_size} streams, but "
            f"{first.folder} {lengths[0]} in {options[0].batch_size}. Members of an ensemble need the same "
            "evaluation.target_length and evaluation.batch_size."
        )
    if options[0].final_tokens != options[1].final_tokens:
        texts = ["all" if each.final_tokens is None else f"{each.final_tokens}" for each in options]
        raise UsageError(
            f"{other.folder}: reads {texts[1]} tokens of the texts, but {first.folder} {texts[0]}. Members of an "
            "ensemble need the same evaluation.final_tokens."
        )


def losses_of(members: Sequence[Member], part: str) -> Losses:
    """Evaluate members and their ensembles on a part of the corpus, segment by segment, with memory."""
    first = members[0]
    device = next(first.model.parameters()).device
    text = evaluation_text(first.config, getattr(first.corpus, part)).to(device)
    totals = Totals(len(members), device)
    _go_through(members, text, first.config.evaluation_lengths[0], totals)
    per_word = first.corpus.tokens_per_word[part]

    def evaluations(sums: Tensor) -> tuple[Evaluation, ...]:
        return tuple(Evaluation(each / text.num_tokens * per_word, text.num_tokens) for each in sums.tolist())

    return Losses(evaluations(totals.members), evaluations(totals.probabilities), evaluations(totals.logits))


class Totals:
    """Sums of nats over tokens, each float64 [members]: of members, and of ensembles of the first 1, 2, … of them."""

    def __init__(self, number: int, device: torch.device) -> None:
        self.members, self.probabilities, self.logits = (
            torch.zeros(number, dtype=torch.float64, device=device) for _ in range(3)
        )

    def add(self, models: Sequence[LanguageModel], states: Sequence[Tensor], targets: Tensor) -> None:
        """Add some tokens.

        Args:
            states: of each model, [tokens, d_model].
            targets: int64 [tokens].
        """
        summed: Tensor | None = None
        found: list[Tensor] = []
        for number, (model, own) in enumerate(zip(models, states, strict=True)):
            logs = model.log_probabilities(own).double()
            found.append(logs.gather(1, targets[:, None])[:, 0])
            summed = logs if summed is None else summed.add_(logs)
            self.members[number] -= found[-1].sum()
            self.probabilities[number] -= (torch.stack(found).logsumexp(0) - math.log(number + 1)).sum()
            averaged = summed / (number + 1)
            self.logits[number] -= (averaged.gather(1, targets[:, None])[:, 0] - averaged.logsumexp(1)).sum()


@torch.no_grad()
def _go_through(members: Sequence[Member], text: EvaluationText, target_length: int, totals: Totals) -> None:
    models = [member.model for member in members]
    memories: list[Memory | None] = [None] * len(models)
    for inputs, targets in text.segments(target_length):
        carried = [of_first_streams(memory, inputs.shape[0]) for memory in memories]
        memories = _read_segment(models, inputs, targets, carried, totals)


def _read_segment(
    models: Sequence[LanguageModel],
    inputs: Tensor,
    targets: Tensor,
    memories: Sequence[Memory | None],
    totals: Totals,
) -> list[Memory | None]:
    """Add the tokens of a segment, and return the memories after it."""
    results = [model.states(inputs, memory) for model, memory in zip(models, memories, strict=True)]
    states = [hidden.reshape(-1, hidden.shape[-1]) for hidden, _ in results]
    flat = targets.reshape(-1)
    rows = chunk_rows(len(flat), models[0].softmax_weight.shape[0], flat.device.type)
    for start in range(0, len(flat), rows):
        part = slice(start, start + rows)
        totals.add(models, [each[part] for each in states], flat[part])
    return [memory for _, memory in results]


def document(members: Sequence[Member], found: dict[str, Losses]) -> dict[str, Any]:
    """Return what was found as JSON values.

    Args:
        found: by part of the corpus.
    """

    def shown(evaluation: Evaluation) -> dict[str, float]:
        return {"loss": evaluation.loss, "perplexity": evaluation.perplexity}

    return {
        "members": [
            {
                "run_dir": str(member.folder),
                "step": member.step,
                **{part: shown(losses.members[number]) for part, losses in found.items()},
            }
            for number, member in enumerate(members)
        ],
        "ensembles": [
            {
                "members": number + 1,
                **{
                    part: {
                        "probabilities": shown(losses.probabilities[number]),
                        "logits": shown(losses.logits[number]),
                    }
                    for part, losses in found.items()
                },
            }
            for number in range(len(members))
        ],
    }


def table(members: Sequence[Member], found: dict[str, Losses]) -> str:
    """Return what was found as text: perplexities of the members and of the ensembles of the first of them."""
    parts = list(found)
    lines = [f"{'perplexity':<44}" + "".join(f"{part:>10}" for part in parts)]
    for number, member in enumerate(members):
        name = f"{member.folder} (step {member.step})"
        lines.append(_row(name, [found[part].members[number] for part in parts]))
    for number in range(1, len(members)):
        for kind in ("probabilities", "logits"):
            values = [getattr(found[part], kind)[number] for part in parts]
            lines.append(_row(f"mean {kind} of the first {number + 1}", values))
    return "\n".join(lines)


def _row(name: str, evaluations: Sequence[Evaluation]) -> str:
    return f"{name:<44}" + "".join(f"{each.perplexity:>10.2f}" for each in evaluations)
