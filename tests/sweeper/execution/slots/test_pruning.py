"""What a slot asks a phase's pruner, from what the store holds of the phase."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.designs.kinds import SimpleDesign
from sweeper.execution.slots.pruning import Pruning
from sweeper.spec.phase import Budget, Phase, Pruner
from sweeper.store.records import Lease
from tests.reports.builders import Ending, Plot, screen, store_with

ASHA = Pruner(name="asha")
LOWEST = 20  # asha's rung at a sixteenth of 320 steps
Ask = Callable[..., bool]


def running_after(folder: Path, num_ended: int, exit_reason: str = "completed") -> tuple[str, Lease]:
    """A store in which so many trials have ended, and the claim of the one that runs now."""
    claims: list[Lease] = []

    def ending(lease: Lease) -> Ending | None:
        claims.append(lease)
        return Ending(exit_reason=exit_reason) if len(claims) <= num_ended else None

    url = store_with(folder, Plot([screen(steps=320)]), ending)
    return url, claims[-1]


def phase_with(pruner: Pruner) -> Phase:
    return Phase(name="screen", design=SimpleDesign("one_at_a_time"), budget=Budget("steps", 320), pruner=pruner)


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    url, lease = running_after(tmp_path, 10)

    def asked(curve: dict[int, float], pruner: Pruner = ASHA, **changes: object) -> bool:
        return Pruning(url, lease.study_id, phase_with(pruner), replace(lease, **changes))(curve)  # type: ignore[arg-type]  # a lease's fields

    return asked


def test_a_bad_trial_ends_at_the_lowest_rung_and_not_before(ask: Ask) -> None:
    assert not ask({LOWEST - 1: 1e6})
    assert ask({LOWEST: 1e6})
    assert not ask({LOWEST: 1.0})
    assert not ask({})


def test_without_a_pruner_nobody_ends(ask: Ask) -> None:
    assert not ask({LOWEST: 1e6}, Pruner())


def test_the_phase_may_set_the_lowest_rung(ask: Ask) -> None:
    assert not ask({LOWEST: 1e6}, Pruner(name="asha", min_resource=0.5))
    assert ask({160: 1e6}, Pruner(name="asha", min_resource=0.5))


def test_a_budget_in_epochs_is_as_long_as_the_longest_run_so_far(ask: Ask) -> None:
    assert not ask({LOWEST - 1: 1e6}, budget={"epochs": 2})
    assert ask({LOWEST: 1e6}, budget={"epochs": 2})


def test_nobody_ends_where_no_run_has_shown_how_long_an_epoch_is(tmp_path: Path) -> None:
    url, lease = running_after(tmp_path, 10, exit_reason="pruned")
    pruning = Pruning(url, lease.study_id, phase_with(ASHA), replace(lease, budget={"epochs": 2}))
    assert not pruning({LOWEST: 1e6})


def test_a_trial_at_the_end_of_its_budget_is_left_alone(ask: Ask) -> None:
    assert ask({319: 1e6})
    assert not ask({320: 1e6})
    assert ask({320: 1e6}, budget={"epochs": 2})
