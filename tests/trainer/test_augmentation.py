"""Test that noise replaces words as its definition says, and resumes from a checkpoint."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.trainer.test_architectures import config_of, lines_of, run_in
from trainer import checkpoint
from trainer.augmentation import Noise, TargetOffsets, distinct_neighbours, make_noise
from trainer.batches import TrainingBatches, rotated
from trainer.config import ConfigError, parse, resolve
from trainer.errors import Stopped
from trainer.request import CHECKPOINT_FILE
from trainer.setup import build_model

VOCABULARY = 6
# Counts 12, 6, 3, 2, 1, 0.
TEXT = torch.tensor([0, 1, 0, 1, 0, 2, 0, 0, 1, 2, 0, 3, 0, 1, 0, 0, 1, 3, 0, 2, 4, 0, 1, 0])


def noise(kind: str, rate: float = 0.3, seed: int = 0) -> Noise:
    return make_noise(kind, rate, TEXT, VOCABULARY, torch.Generator().manual_seed(seed))


def assert_share(found: Tensor, expected: float) -> None:
    tolerance = 5 * math.sqrt(max(expected * (1 - expected), 1e-9) / found.numel())
    assert found.double().mean().item() == pytest.approx(expected, abs=tolerance)


def words(count: int = 40_000) -> tuple[Tensor, Tensor]:
    """Return words of the text in equal shares, [200, count / 200], and targets that are no words, to show changes."""
    inputs = torch.arange(count).view(200, -1) % 5
    return inputs, torch.full_like(inputs, -1)


def test_blank_replaces_every_word_equally_often_by_a_word_of_its_own() -> None:
    inputs, targets = words()
    noised, same = noise("blank")(inputs, targets)
    assert torch.equal(same, targets)
    assert torch.equal(noised[noised != VOCABULARY], inputs[noised != VOCABULARY])
    for word in range(5):
        assert_share(noised[inputs == word] == VOCABULARY, 0.3)


def test_unigram_replaces_by_the_shares_of_the_text() -> None:
    inputs, targets = words()
    inputs = torch.full_like(inputs, 5)  # a word that is never drawn
    noised, same = noise("unigram")(inputs, targets)
    assert torch.equal(same, targets)
    assert_share(noised != 5, 0.3)
    drawn = noised[noised != 5]
    for word, times in Counter(TEXT.tolist()).items():
        assert_share(drawn == word, times / len(TEXT))


def test_uniform_replaces_by_any_word_equally_often() -> None:
    inputs, targets = words()
    noised, same = noise("uniform")(inputs, targets)
    assert torch.equal(same, targets)
    for word in range(VOCABULARY):
        expected = 0.3 / VOCABULARY + (0.7 / 5 if word < 5 else 0.0)
        assert_share(noised == word, expected)


def test_a_random_rate_is_that_of_each_stream_and_call() -> None:
    inputs, targets = words(400_000)
    replace = make_noise("blank", 0.5, TEXT, VOCABULARY, torch.Generator().manual_seed(0), random_rate=True)
    shares = [(replace(inputs, targets)[0] == VOCABULARY).double().mean(1) for _ in range(5)]
    rates = torch.cat(shares)  # each of 2,000 positions
    assert rates.max().item() < 0.55
    assert rates.mean().item() == pytest.approx(0.25, abs=0.02)
    assert rates.var().item() == pytest.approx(0.5**2 / 12, rel=0.15)
    assert abs(torch.corrcoef(torch.stack(shares[:2]))[0, 1].item()) < 0.35


def offsets(largest: int, seed: int = 0) -> TargetOffsets:
    return TargetOffsets(largest, VOCABULARY + 1, torch.Generator().manual_seed(seed))


def test_offsets_are_drawn_with_exponential_probabilities() -> None:
    drawn = offsets(4).draw(100_000)
    weights = torch.tensor([1.0, math.exp(-1), math.exp(-2), math.exp(-3)])
    for offset, weight in enumerate((weights / weights.sum()).tolist(), start=1):
        assert_share(drawn == offset, weight)


@pytest.mark.parametrize("reads_both", [False, True])
def test_streams_predict_the_word_that_their_first_word_says(reads_both: bool) -> None:
    text = torch.arange(4 * 50).view(4, 50) + 100
    marks = TargetOffsets(3, 1000, torch.Generator().manual_seed(0))
    batches = TrainingBatches(text, 7, target_offsets=marks, reads_both=reads_both)
    seen = set()
    for _ in range(70):  # ten epochs
        start = batches.position
        inputs, targets, *_ = batches.next()
        assert inputs.shape == targets.shape
        for row in range(4):
            mark = int(inputs[row, 0])
            offset = mark - 1000 + 2 if mark >= 1000 else 1
            seen.add(offset)
            assert torch.equal(targets[row], text[row, start + offset : start + offset + inputs.shape[1]])
            assert torch.equal(inputs[row, 1:], text[row, start + 1 : start + inputs.shape[1]])
            assert offset > 1 or mark == text[row, start]
    assert seen == {1, 2, 3}


def test_noise_and_offsets_go_together() -> None:
    text = torch.arange(4 * 50).view(4, 50) % 5
    plain = TrainingBatches(text, 7, target_offsets=offsets(3))
    both = TrainingBatches(text, 7, target_offsets=offsets(3), noise=noise("blank", 0.5), reads_both=True)
    alone = TrainingBatches(text, 7, target_offsets=offsets(3), noise=noise("blank", 0.5))
    for _ in range(30):
        batch, doubled, noised = plain.next(), both.next(), alone.next()
        assert torch.equal(doubled.inputs, batch.inputs)
        assert torch.equal(doubled.targets, batch.targets)
        assert doubled.noised is not None
        assert torch.equal(doubled.noised[0], noised.inputs)
        assert torch.equal(noised.targets, batch.targets)
        changed = noised.inputs != batch.inputs
        assert (noised.inputs[changed] == VOCABULARY).all()
        marked = batch.inputs[:, 0] > VOCABULARY
        assert not changed[marked, 0].any()


def test_neighbours_are_counted_once_each() -> None:
    successors, predecessors = distinct_neighbours(TEXT, VOCABULARY)
    pairs = set(zip(TEXT[:-1].tolist(), TEXT[1:].tolist(), strict=True))
    assert successors.tolist() == [len({b for a, b in pairs if a == word}) for word in range(VOCABULARY)]
    assert predecessors.tolist() == [len({a for a, b in pairs if b == word}) for word in range(VOCABULARY)]


def test_bigram_noise_depends_on_the_word_and_replaces_word_and_target_independently() -> None:
    inputs, targets = words(400_000)
    noised, changed = noise("bigram_kneser_ney", rate=0.9)(inputs, targets)
    replaced = changed != -1
    successors, predecessors = distinct_neighbours(TEXT, VOCABULARY)
    counts = Counter(TEXT.tolist())
    for word in range(5):
        assert_share(replaced[inputs == word], 0.9 * successors[word].item() / counts[word])
    assert torch.equal(noised[~replaced], inputs[~replaced])
    shares = predecessors / predecessors.sum()
    for word in range(VOCABULARY):
        assert_share(noised[replaced] == word, shares[word].item())
        assert_share(changed[replaced] == word, shares[word].item())
    both = (noised[replaced] == 0) & (changed[replaced] == 0)
    assert_share(both, shares[0].item() ** 2)


def test_positions_are_replaced_independently() -> None:
    inputs, targets = words()
    replaced = noise("blank")(inputs, targets)[0] == VOCABULARY
    assert_share(replaced[:, 1:] & replaced[:, :-1], 0.09)
    assert_share(replaced[1:] & replaced[:-1], 0.09)


@pytest.mark.parametrize("kind", ["blank", "unigram", "uniform", "bigram_kneser_ney"])
def test_the_same_seed_makes_the_same_noise(kind: str) -> None:
    inputs, targets = words(2000)
    first, second, other = noise(kind), noise(kind), noise(kind, seed=1)
    for _ in range(3):
        one, same, another = first(inputs, targets), second(inputs, targets), other(inputs, targets)
        assert torch.equal(one[0], same[0])
        assert not torch.equal(one[0], another[0])


@given(length=st.integers(1, 20), offsets=st.lists(st.integers(0, 19), min_size=1, max_size=4))
def test_a_rotated_stream_starts_at_its_offset_and_loses_nothing(length: int, offsets: list[int]) -> None:
    places = torch.tensor(offsets) % length
    streams = torch.arange(len(offsets) * length).view(len(offsets), length)
    for row, turned, place in zip(streams, rotated(streams, places), places.tolist(), strict=True):
        assert turned.tolist() == row[place:].tolist() + row[:place].tolist()


def turning(seed: int = 0, **options: bool) -> TrainingBatches:
    text = torch.arange(4 * 50).view(4, 50)
    return TrainingBatches(text, 7, order_generator=torch.Generator().manual_seed(seed), **options)


def epoch_of(batches: TrainingBatches) -> Tensor:
    """Return the inputs of an epoch, [streams, tokens]."""
    number, pieces = batches.epoch, []
    while batches.epoch == number:
        pieces.append(batches.next()[0])
    return torch.cat(pieces, 1)


def test_row_rotation_turns_every_stream_by_its_own_offset_in_every_epoch() -> None:
    batches = turning(row_rotation=True)
    starts = torch.stack([epoch_of(batches)[:, 0] for _ in range(60)]) - torch.arange(0, 200, 50)
    assert ((starts >= 0) & (starts < 50)).all()
    assert len(starts.unique()) > 40  # of 50, in 240 draws
    assert not (starts == starts[:, :1]).all(1).any()


def test_a_random_start_is_within_the_first_segment_and_the_same_for_all_streams() -> None:
    batches = turning(random_start=True)
    firsts = []
    for _ in range(60):
        seen = epoch_of(batches)
        firsts.append(int(seen[0, 0]))
        assert torch.equal(seen, torch.arange(200).view(4, 50)[:, firsts[-1] : -1])
    assert set(firsts) == set(range(7))


def test_memory_starts_afresh_with_an_epoch_wherever_it_starts() -> None:
    batches = turning(random_start=True, row_rotation=True)
    for _ in range(40):
        first = batches.position == batches.start
        assert batches.next()[2] is not first


@settings(max_examples=25, deadline=None)
@given(steps=st.integers(0, 40), kind=st.sampled_from(["blank", "unigram", "bigram_kneser_ney"]))
def test_augmented_batches_go_on_from_their_state(steps: int, kind: str) -> None:
    def make() -> TrainingBatches:
        batches = turning(row_rotation=True, random_start=True)
        batches.text = batches.text % 5
        batches.streams = batches.streams % 5
        batches.noise, batches.target_offsets = noise(kind), offsets(3)
        return batches

    first, second = make(), make()
    for _ in range(steps):
        first.next()
    second.load_state(first.state())
    for _ in range(20):
        one, other = first.next(), second.next()
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
        assert one[2] == other[2]


NOISED: dict[str, Any] = {
    "data": {
        "noise": "blank",
        "noise_rate": 0.5,
        "random_noise_rate": True,
        "noise_weight": 0.4,
        "target_offsets": 3,
        "row_rotation": True,
    },
    "regularization": {"stochastic_depth": 0.3, "dropout": 0.1},
}


@pytest.mark.parametrize("kind", ["transformer_xl", "gpt2"])
def test_a_cut_run_with_every_noise_resumes_bit_for_bit(kind: str, tmp_path: Path) -> None:
    config = config_of(kind, **NOISED)
    run_in(tmp_path / "whole", config)
    with pytest.raises(Stopped):
        run_in(tmp_path / "cut", config, stop_at=9)
    run_in(tmp_path / "cut", config, resume=True)
    assert lines_of(tmp_path / "cut") == lines_of(tmp_path / "whole")
    states = [checkpoint.load(tmp_path / each / CHECKPOINT_FILE)["model"] for each in ("whole", "cut")]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_reading_twice_counts_twice_and_reports_the_loss_of_the_text(tmp_path: Path) -> None:
    """With one step, the reported loss is that before any change: the same with and without noise beside it."""
    sections: dict[str, Any] = {"budget": {"steps": 1}, "evaluation": {"times": 1}}
    plain = run_in(tmp_path / "plain", config_of("transformer_xl", **sections, regularization={"dropout": 0.0}))
    twice = config_of(
        "transformer_xl", **sections, data=NOISED["data"] | {"target_offsets": None}, regularization={"dropout": 0.0}
    )
    noised = run_in(tmp_path / "noised", twice)
    assert noised.account.flops == 2 * plain.account.flops
    assert noised.account.tokens == plain.account.tokens
    first, second = lines_of(tmp_path / "plain"), lines_of(tmp_path / "noised")
    assert second[0]["train_loss"] == pytest.approx(first[0]["train_loss"], rel=0.05)
    assert second[0]["valid_loss"] != first[0]["valid_loss"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"noise_weight": 0.4}, "data.noise_weight: 0.4 has no effect with data.noise none: only blank, unigram"),
        ({"target_offsets": 1}, "data.target_offsets: 1 is less than the minimum, 2. Predict in some streams"),
        ({"noise": "uniforn"}, "Did you mean 'uniform'?"),
    ],
)
def test_mistakes_with_noise_say_what_to_do(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"data": data})
    assert message in str(caught.value)


def test_a_configuration_without_new_noise_stays_what_it_was() -> None:
    data, rates = resolve({})["data"], resolve({"regularization": {"stochastic_depth": 0}})["regularization"]
    assert not {"noise_weight", "random_noise_rate", "target_offsets"} & set(data)
    assert "stochastic_depth" not in rates


@pytest.mark.parametrize("kind", ["transformer_xl", "awd_lstm", "gpt2"])
def test_every_architecture_reads_a_blank_word_and_never_predicts_it(kind: str) -> None:
    config = parse({"model": {"kind": kind, "d_model": 16}, "data": {"noise": "blank", "noise_rate": 0.2}})
    model = build_model(config, VOCABULARY, torch.device("cpu")).eval()
    inputs = torch.full((2, 4), VOCABULARY)
    total = 0.0
    with torch.no_grad():
        for word in range(VOCABULARY):
            loss, _ = model(inputs[:, :1], torch.full((2, 1), word), None)
            total += math.exp(-loss.item())
    assert total == pytest.approx(1.0, rel=1e-5)  # all probability is the other words'
    model.train()
    loss, _ = model(inputs, torch.zeros_like(inputs), None)
    loss.backward()
    assert model.embedding.grad[-1].norm().item() > 0.0
