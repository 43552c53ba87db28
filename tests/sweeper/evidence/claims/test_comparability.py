"""Conditions that differ within pairs are noted beside a verdict, and are in no p-value."""

import dataclasses

import pandas as pd
import pytest

import sweeper
from sweeper.evidence.claims.table import verdict_row
from sweeper.store.reading.reader import Curve
from tests.reports.studies import attempt, falling
from tests.sweeper.evidence.claims.claim_studies import BASE, ON, claim, contrast, judge, perplexity, screen

GPUS = {"a100": "NVIDIA A100-SXM4-80GB, 81920 MiB, 550.1", "h100": "NVIDIA H100 80GB HBM3, 81559 MiB, 550.1"}


def environment(*, gpu="a100", commit="1" * 40, diff=None):
    return {
        "machine": {"cpu": "Imaginary CPU"},
        "gpus": [GPUS[gpu]],
        "git": {"commit": commit, "changed": diff is not None, "diff_sha256": diff},
    }


ENVIRONMENTS = {
    "a100": environment(),
    "h100": environment(gpu="h100"),
    "later": environment(commit="2" * 40),
    "edited": environment(diff="abcdef0123"),
}


def is_on(row):
    return row.configuration["a"] == ON["a"]


def note(**more):
    """The notes on the claim that `a` helps, of whose six runs two per pair have other conditions."""
    (found,) = judge(contrast("a"), environments=ENVIRONMENTS, **more)
    assert found.verdict == "supported"
    return found.caveats.comparability


def on_gpus(name, when=is_on):
    return lambda row: [attempt(row, device="cuda:0", environment_sha256=name if when(row) else "a100")]


def test_runs_on_different_gpus_are_noted_with_their_numbers():
    assert note(attempts=on_gpus("h100")) == (
        "Runs differ in hardware within 3 of 3 pairs: NVIDIA H100 80GB HBM3 (3 runs), NVIDIA A100-SXM4-80GB (3 runs).",
    )


def test_only_pairs_count_whose_runs_differ():
    one_seed = on_gpus("h100", lambda row: is_on(row) and row.seed == 1)
    assert note(attempts=one_seed) == (
        "Runs differ in hardware within 1 of 3 pairs: NVIDIA A100-SXM4-80GB (5 runs), NVIDIA H100 80GB HBM3 (1 run).",
    )


def test_seeds_on_different_machines_are_no_difference_within_pairs():
    assert note(attempts=on_gpus("h100", lambda row: row.seed == 1)) == ()


def test_runs_of_other_configurations_do_not_matter():
    assert note(attempts=on_gpus("h100", lambda row: row.configuration["b"] == ON["b"])) == ()


@pytest.mark.parametrize(
    ("name", "text"), [("later", "2222222 (3 runs)"), ("edited", "1111111 with changes abcdef0 (3 runs)")]
)
def test_runs_of_different_code_are_noted(name, text):
    (found,) = note(attempts=on_gpus(name))
    assert found == f"Runs differ in code commit within 3 of 3 pairs: {text}, 1111111 (3 runs)."


def test_a_run_that_changed_its_hardware_when_it_resumed_has_both():
    def attempts(row):
        first = attempt(row, device="cuda:0", environment_sha256="a100", exit_reason="killed")
        if not is_on(row):
            return [dataclasses.replace(first, exit_reason="completed")]
        return [first, dataclasses.replace(first, attempt=2, environment_sha256="h100", exit_reason="completed")]

    (found,) = note(attempts=attempts)
    assert "NVIDIA A100-SXM4-80GB, then NVIDIA H100 80GB HBM3 (3 runs)" in found


def test_a_smaller_batch_after_running_out_of_memory_is_noted():
    def results(row):
        used = 8 if is_on(row) else 16
        return {"micro_batch_size": used, "config": {"data": {"batch_size": 16, "micro_batch_size": None}}}

    (found,) = note(results=results, attempts=on_gpus("a100"))
    assert found == (
        "Runs differ in batch size after running out of memory within 3 of 3 pairs: reduced to 8 (3 runs), as "
        "configured (3 runs)."
    )


def test_a_smaller_batch_that_was_configured_is_not():
    def results(row):
        used = 8 if is_on(row) else 16
        return {"micro_batch_size": used, "config": {"data": {"batch_size": used, "micro_batch_size": None}}}

    assert note(results=results, attempts=on_gpus("a100")) == ()


def test_a_run_that_was_retried_after_running_out_of_memory_is_noted():
    def attempts(row):
        lost = attempt(row, exit_reason="out_of_memory", device_seconds=0.0)
        last = attempt(row, attempt=2)
        return [lost, last] if is_on(row) and row.seed == 0 else [attempt(row)]

    (found,) = note(attempts=attempts)
    assert found.endswith("within 1 of 3 pairs: as configured (5 runs), retried (1 run).")


def test_runs_that_are_evaluated_more_often_are_noted():
    def curves(row):
        return falling(perplexity()(row.configuration, row.seed), points=20 if is_on(row) else 10)

    found = note(curves=curves, attempts=on_gpus("a100"), metric_options={"value": "best"})
    assert found == (
        "Runs differ in evaluations within 3 of 3 pairs: 20 evaluations (3 runs), 10 evaluations (3 runs).",
    )
    assert note(curves=curves, attempts=on_gpus("a100"), metric_options={"value": "last"}) == ()


def test_a_last_value_at_another_step_is_noted():
    def curves(row):
        return falling(perplexity()(row.configuration, row.seed), steps=96 if is_on(row) else 100)

    found = note(curves=curves, attempts=on_gpus("a100"), metric_options={"value": "last"})
    assert found == (
        "Runs differ in evaluations within 3 of 3 pairs: the last at step 96 (3 runs), the last at step 100 (3 runs).",
    )


def test_longer_runs_are_evaluated_more_often_by_design():
    def curves(row):
        return falling(perplexity()(row.configuration, row.seed), steps=row.budget["steps"], points=row.step // 10)

    longer = dataclasses.replace(screen(perplexity(base=4.2)), name="long", steps=200)
    arms = {"from": {"phase": "screen", "levels": BASE}, "to": {"phase": "long", "levels": BASE}}
    (found,) = judge(
        claim(contrast=arms, expect="decrease"),
        phases=[screen(), longer],
        curves=curves,
        attempts=on_gpus("a100"),
        metric_options={"value": "last"},
    )
    assert found.verdict == "supported"
    assert found.caveats.comparability == ()


def test_a_run_that_ended_before_its_budget_is_noted():
    def curves(row):
        stop = 6 if is_on(row) and row.seed == 2 else 10
        return falling(perplexity()(row.configuration, row.seed), stop=stop)

    (found,) = [each for each in note(curves=curves, attempts=on_gpus("a100")) if "schedule" in each]
    assert found == "Runs differ in schedule within 1 of 3 pairs: finished (5 runs), ended early (1 run)."


def test_the_trainers_own_count_of_steps_says_whether_it_ended_early():
    def results(row):
        return {"step": 60 if is_on(row) else 100, "num_steps": 100}

    def curves(row):
        return falling(perplexity()(row.configuration, row.seed))

    (found,) = note(results=results, curves=curves, attempts=on_gpus("a100"))
    assert found == "Runs differ in schedule within 3 of 3 pairs: ended early (3 runs), finished (3 runs)."


def resumed(at):
    """The claim's notes where runs of one arm have two attempts, and their curve starts after some device-seconds."""

    def curves(row):
        values = [2.0 * perplexity()(row.configuration, row.seed), perplexity()(row.configuration, row.seed)]
        seconds = [at, at + 30.0] if is_on(row) else [30.0, 60.0]
        return Curve(steps=[50, 100], tokens=[1.0] * 2, device_seconds=seconds, flops=[1.0] * 2, values=values)

    def attempts(row):
        first = attempt(row, exit_reason="killed", device_seconds=40.0)
        return [first, attempt(row, attempt=2)] if is_on(row) else [attempt(row)]

    return note(curves=curves, attempts=attempts)


def test_a_run_that_began_anew_is_noted_and_one_that_resumed_is_not():
    (found,) = resumed(at=70.0)
    assert found == (
        "Runs differ in restarts within 3 of 3 pairs: resumed without a checkpoint (3 runs), none (3 runs)."
    )
    assert resumed(at=30.0) == ()


def test_notes_of_comparability_are_among_the_notes_and_change_no_number():
    with_notes, without = (
        judge(contrast("a"), environments=ENVIRONMENTS, attempts=on_gpus(name))[0] for name in ("h100", "a100")
    )
    assert with_notes.caveats.comparability[0] in with_notes.notes
    assert verdict_row(with_notes)["comparability"] == with_notes.caveats.comparability
    assert (with_notes.p_adjusted, with_notes.low) == (without.p_adjusted, without.low)


def test_a_frame_knows_no_conditions_and_says_nothing():
    frame = pd.DataFrame({"a": [0, 0, 1, 1], "seed": [0, 1, 0, 1], "loss": [3.0, 3.1, 1.0, 1.2]})
    claims = [{"id": "x", "contrast": {"factor": "a", "from": 0, "to": 1}, "expect": "decrease"}]
    (found,) = sweeper.judge(frame, metric="loss", claims=claims)
    assert found.caveats.comparability == ()
