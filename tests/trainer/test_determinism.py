"""Test that a deterministic run uses deterministic operations only, and ends where there is none."""

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.counting import count
from tests.trainer.test_operators import KINDS, run_of
from tests.trainer.test_resume import SHORT, assert_equal_states, metrics, run
from trainer import checkpoint, loop
from trainer.config import parse

# Operators without a deterministic implementation on a GPU, from the list at `torch.use_deterministic_algorithms`.
WITHOUT = {
    "put_", "histc", "bincount", "cumsum", "cumsum_", "median", "kthvalue", "nll_loss2d_forward", "_ctc_loss_backward",
    "_embedding_bag_dense_backward", "reflection_pad1d_backward", "avg_pool3d_backward", "resize_", "nonzero",
    "scatter_reduce_", "scatter_reduce", "_adaptive_avg_pool2d_backward", "max_unpool2d",
}  # fmt: skip


@pytest.mark.parametrize("precision", ["fp32", "mixed", "fp16"])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_use_no_operator_without_a_deterministic_implementation(
    kind: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.models.adaptive_softmax._needs_static_shapes", lambda _: True)
    monkeypatch.setattr("trainer.setup.bf16_flag", lambda: "avx512_bf16")
    run = run_of(kind, precision, tmp_path)
    loop._step(run)
    found = count(lambda: loop._step(run)).by_name
    assert found
    assert not WITHOUT & set(found)


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_run_is_deterministic_where_that_is_wanted_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool
) -> None:
    seen, step = set(), loop._step

    def stepping(run: loop.Run) -> None:
        seen.add(torch.are_deterministic_algorithms_enabled())
        step(run)

    monkeypatch.setattr(loop, "_step", stepping)
    code, _ = run(tmp_path, SHORT | {"deterministic": deterministic})
    assert code == 0
    assert seen == {deterministic}
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_configuration_without_the_option_is_written_as_before_there_was_one() -> None:
    assert "deterministic" not in parse({}).model_dump()
    assert parse({"deterministic": True}).model_dump()["deterministic"] is True


def test_on_a_cpu_it_is_the_same_run(tmp_path: Path) -> None:
    (_, one), (_, other) = (run(tmp_path, SHORT | {"deterministic": each}, f"run-{each}") for each in (False, True))
    assert metrics(one) == metrics(other)
    assert_equal_states(*(checkpoint.load(each / "best.pt") for each in (one, other)))


def test_a_run_with_an_operation_that_has_none_ends_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stepping(_: Any) -> None:
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.ones(2))  # the last of equal places wins

    monkeypatch.setattr(loop, "_step", stepping)
    code, _ = run(tmp_path, SHORT | {"deterministic": True}, "run")
    assert code == 2
    assert "deterministic: true, but put_ has no deterministic implementation here" in capsys.readouterr().err


def test_other_errors_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(loop, "_step", failing)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        run(tmp_path, SHORT | {"deterministic": True}, "run")
    assert not torch.are_deterministic_algorithms_enabled()
