"""The shapes that are measured."""

from typing import Final

from benchmarks.shape import Shape

S1: Final = Shape(
    vocabulary=10_000,
    layers=4,
    heads=4,
    d_model=128,
    d_head=32,
    d_inner=512,
    dropout=0.1,
    target_length=64,
    memory_length=64,
    batch=32,
)
S2: Final = Shape(
    vocabulary=33_278,
    layers=16,
    heads=10,
    d_model=400,
    d_head=40,
    d_inner=900,
    dropout=0.2,
    target_length=150,
    memory_length=150,
    batch=32,
    cutoffs=(20_000, 40_000, 200_000),
)
REPLICA: Final = Shape(
    vocabulary=13_777,
    layers=4,
    heads=4,
    d_model=64,
    d_head=16,
    d_inner=256,
    dropout=0.1,
    target_length=32,
    memory_length=32,
    batch=16,
)
LSTM: Final = Shape(
    kind="awd_lstm",
    vocabulary=10_000,
    layers=3,
    heads=1,
    d_model=200,
    d_head=1,
    d_inner=400,
    dropout=0.2,
    target_length=35,
    memory_length=0,
    batch=20,
)
GPT: Final = Shape(
    kind="gpt2",
    vocabulary=10_000,
    layers=4,
    heads=4,
    d_model=256,
    d_head=64,
    d_inner=1024,
    dropout=0.1,
    target_length=128,
    memory_length=0,
    batch=16,
)
