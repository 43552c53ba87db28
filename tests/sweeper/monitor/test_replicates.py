"""The warning that seeds change nothing, while a study runs."""

from dataclasses import replace

import pytest

from sweeper.monitor import replicates
from sweeper.monitor.replicates import SeedWatch, seeds_change_nothing
from sweeper.store.reading.reader import StudyRow

Spread = tuple[str, int, float, float]
SPEC = {"study": "s", "metric": {"name": "loss", "direction": "minimize"}, "factors": {}, "phases": []}
STUDY = StudyRow(
    id=1,
    name="s",
    source="",
    source_path="",
    spec=SPEC,
    metric="loss",
    direction="minimize",
    budget_device_hours=None,
    runs_dir="",
    created_at=0.0,
    cancelled_at=None,
)


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> list[Spread]:
    """What the store has on each configuration with several seeds."""
    spreads: list[Spread] = []
    monkeypatch.setattr(replicates.reader, "seed_spreads", lambda connection, study: tuple(connection))
    return spreads


def look(spreads: list[Spread]) -> str | None:
    return seeds_change_nothing(spreads, STUDY)  # type: ignore[arg-type]  # the reader is replaced


def test_nothing_is_known_before_a_configuration_has_two_seeds(connection: list[Spread]) -> None:
    assert look(connection) is None


def test_equal_values_are_reported_with_the_value_and_the_remedy(connection: list[Spread]) -> None:
    connection.append(("main", 2, 0.25, 0.25))
    found = look(connection)
    assert found is not None
    assert "2 seeds of a configuration in phase main all gave loss = 0.25" in found
    assert "{seed}" in found


def test_one_configuration_that_varies_is_enough(connection: list[Spread]) -> None:
    connection += [("main", 3, 0.25, 0.25), ("main", 2, 0.25, 0.26)]
    assert look(connection) == ""


def test_the_warning_is_given_once(connection: list[Spread]) -> None:
    connection.append(("main", 2, 0.25, 0.25))
    watch = SeedWatch()
    found = [watch.look(connection, STUDY) for _ in range(20)]  # type: ignore[arg-type]  # the reader is replaced
    assert sum(each is not None for each in found) == 1
    assert watch.look(connection, STUDY, last=True) is None  # type: ignore[arg-type]  # the reader is replaced


def test_the_last_look_is_not_skipped(connection: list[Spread]) -> None:
    connection.append(("main", 2, 0.25, 0.25))
    assert SeedWatch().look(connection, STUDY, last=True) is not None  # type: ignore[arg-type]  # the reader is replaced


@pytest.mark.parametrize(
    ("scale", "lowest", "warned"),
    [("log", -1.2, True), ("log", 0.0, True), ("log", 0.5, False), ("log", None, False), ("linear", -1.2, False)],
)
def test_a_value_without_a_logarithm_is_told_once_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, scale: str, lowest: float | None, warned: bool
) -> None:
    monkeypatch.setattr(replicates.reader, "lowest_value", lambda connection, study: lowest)
    monkeypatch.setattr(replicates.reader, "seed_spreads", lambda connection, study: ())
    study = replace(STUDY, spec={**SPEC, "metric": {"name": "loss", "direction": "minimize", "scale": scale}})
    watch = SeedWatch()
    found = [watch.look([], study, last=True) for _ in range(3)]  # type: ignore[arg-type]  # the reader is replaced
    assert [each is not None for each in found] == [warned, False, False]
    if warned:
        assert f"a trial's value, {lowest:g}, has none" in str(found[0])
        assert "metric.scale: linear" in str(found[0])
