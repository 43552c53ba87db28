"""Test that every token except a stream's first is predicted once per epoch, from the token before it."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.batches import TrainingBatches, segments, to_streams


def test_streams_are_consecutive_pieces_of_the_text() -> None:
    assert to_streams(torch.arange(11), 3).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


@given(length=st.integers(2, 50), target_length=st.integers(1, 20), streams=st.integers(1, 4))
def test_segments_predict_every_token_but_the_first_of_a_stream_once(
    length: int, target_length: int, streams: int
) -> None:
    text = torch.arange(length * streams).view(streams, length)
    pieces = list(segments(text, target_length))
    assert torch.equal(torch.cat([inputs for inputs, _ in pieces], 1), text[:, :-1])
    assert torch.equal(torch.cat([targets for _, targets in pieces], 1), text[:, 1:])
    assert all(inputs.shape[1] == target_length for inputs, _ in pieces[:-1])


@given(length=st.integers(2, 40), target_length=st.integers(1, 12))
def test_training_goes_on_from_epoch_to_epoch_and_says_where_memory_ends(length: int, target_length: int) -> None:
    batches = TrainingBatches(torch.arange(2 * length).view(2, length), target_length)
    for epoch in range(3):
        seen, first = [], True
        while batches.epoch == epoch:
            inputs, targets, continues, _ = batches.next()
            assert continues is not first
            assert torch.equal(targets, inputs + 1)
            seen.append(inputs)
            first = False
        assert torch.equal(torch.cat(seen, 1), torch.arange(2 * length).view(2, length)[:, :-1])


@given(st.integers(0, 20))
def test_batches_go_on_from_a_stored_position(steps: int) -> None:
    first, second = (TrainingBatches(torch.arange(60).view(2, 30), 7) for _ in range(2))
    for _ in range(steps):
        first.next()
    second.load_state(first.state())
    for _ in range(5):
        one, other = first.next(), second.next()
        assert torch.equal(one[0], other[0])
        assert one[2] == other[2]
