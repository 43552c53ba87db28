"""A short chaos in the suite, and what the harness itself computes; `make chaos` plays hundreds of rounds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import harness
from tests.chaos.chain import values_of
from tests.chaos.databases import Files, Server
from tests.chaos.drawing import drawn, planned
from tests.chaos.faults import FAULTS
from tests.chaos.harness import Baseline, Result
from tests.chaos.oracle import differences
from tests.chaos.page import added, ranges, render
from tests.chaos.programs import DECIDED, KINDS, TRAINER
from tests.sweeper.postgresql import Cluster
from tests.sweeper.proxy import proxy
from tests.sweeper.store.builders import new_store


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Server]:
    with proxy(cluster.socket) as between:
        yield Server(cluster, between)


def check(result: Result) -> None:
    assert result.broken is None, f"seed {result.seed}, after {'; '.join(result.log)}: {result.broken}"


@pytest.mark.slow
def test_whatever_goes_wrong_every_trial_ends_once_with_its_own_values(tmp_path: Path) -> None:
    new_store(tmp_path)
    result = harness.play(Files(tmp_path / "store.db"), "sqlite", tmp_path / "round", 3, Baseline(tmp_path / "b"))
    check(result)


@pytest.mark.slow
def test_whatever_goes_wrong_on_the_way_to_a_server_every_trial_ends_once(server: Server, tmp_path: Path) -> None:
    check(harness.play(server, "postgresql", tmp_path / "round", 104, Baseline(tmp_path / "baseline")))


def test_the_same_seed_draws_the_same_round() -> None:
    for seed in range(50):
        first, second = drawn(seed), drawn(seed)
        assert first.trials == second.trials
        assert planned(first, "postgresql") == planned(second, "postgresql")


def test_two_hundred_rounds_draw_every_kind_of_program_and_fault() -> None:
    rounds = [drawn(seed) for seed in range(200)]
    assert {each.trials.kind for each in rounds} == {*KINDS, TRAINER}
    names = {fault.name for each in rounds for fault in planned(each, "sqlite")}
    assert names == {fault.name for fault in FAULTS if fault.database is None and fault.program != "decided"}
    decided = {fault.name for seed in range(100) for fault in planned(drawn(seed, DECIDED.name), "sqlite")}
    assert {"kill decider", "stop decider"} < decided
    on_servers = {fault.name for seed in range(100) for fault in planned(drawn(seed), "postgresql")}
    assert {fault.name for fault in FAULTS if fault.database == "postgresql"} <= on_servers


def test_a_value_depends_on_all_before_it_and_on_who_computed_it() -> None:
    config, lineage = {"number": 1}, [(1, "a"), (4, "b")]
    values = values_of(config, 0, 6, lineage)
    assert values_of(config, 0, 4, lineage) == values[:4]
    assert values_of(config, 0, 6, [(1, "a")])[:3] == values[:3]
    for other in (values_of({"number": 2}, 0, 6, lineage), values_of(config, 1, 6, lineage)):
        assert not set(other) & set(values)
    assert not set(values_of(config, 0, 6, [(1, "a")])[3:]) & set(values)
    assert all(0.0 <= value < 1.0 for value in values)


def test_a_curve_s_differences_are_named() -> None:
    text = differences([(1, 0.5), (2, 0.25), (9, 0.1)], [(1, 0.5), (2, 0.75), (3, 0.1)])
    assert text == "steps missing [3], wrong [2], too many [9]; 3 points for 3"


def test_counts_of_several_files_are_added() -> None:
    fault = {"done": 2, "rounds": 1, "kept": 1}
    part = {"database": "sqlite", "commit": "a", "rounds": 2, "kept": 1, "trials": 12, "attempts": 15, "seeds": [0, 1]}
    part |= {"broken": {"1": "lost"}, "faults": {"kill slot": fault}, "programs": {}, "not possible here": {}}
    total = added([part, {**part, "seeds": [2, 7], "broken": {}}])
    assert total["faults"] == {"kill slot": {"done": 4, "rounds": 2, "kept": 2}}
    assert (total["rounds"], ranges(total["seeds"]), total["broken"]) == (4, "0-2, 7", {"1": "lost"})
    assert "SQLite: 4 rounds at commit a, seeds 0-2, 7: 2 kept every promise" in render(
        [part, {**part, "seeds": [2, 7]}]
    )
