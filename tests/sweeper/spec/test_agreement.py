"""What spec knows of other parts, without loading them, is what those parts say."""

import inspect
import itertools
from dataclasses import fields
from typing import get_args

import optuna.samplers
import pytest

from sweeper.designs import kinds
from sweeper.designs.factor import Factor, Range
from sweeper.designs.fractional import aliasing
from sweeper.designs.generators import fewest_basic, resolution_of, rule_fault
from sweeper.designs.kinds import SAMPLERS, FractionalDesign, SamplerDesign, SamplerName
from sweeper.planning import pruning, sampling
from sweeper.spec.entries.designs import MAPPINGS, NAMES, OPTIONS
from sweeper.spec.entries.messages import FINAL_REASONS, FREE_REASONS
from sweeper.spec.entries.phases import PrunerEntry
from sweeper.spec.entries.study import RetryEntry
from sweeper.spec.phase import PRUNERS
from sweeper.spec.study import Retry
from sweeper.store.records import ExitReason

CLASSES = {
    "tpe": optuna.samplers.TPESampler,
    "gp": optuna.samplers.GPSampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "nsgaii": optuna.samplers.NSGAIISampler,
    "nsgaiii": optuna.samplers.NSGAIIISampler,
}
NOT_PLAIN = {"seed", "gamma", "weights", "constraints_func", "independent_sampler"}


def test_designs_are_those_that_can_be_made() -> None:
    assert {*NAMES, *MAPPINGS} == set(kinds.KINDS)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws(sampler: SamplerName) -> None:
    factors = {"f": Factor(name="f", levels=(1, 2, 3)), "r": Factor(name="r", range=Range(low=0.0, high=1.0))}
    drawn = sampling.draw(SamplerDesign(sampler, 1), factors, [], direction="minimize", seed=(0, 0, 0))
    assert set(drawn) == {"f", "r"}


@pytest.mark.parametrize("sampler", CLASSES)
def test_options_are_those_of_optuna(sampler: str) -> None:
    assert set(OPTIONS[sampler]) <= set(inspect.signature(CLASSES[sampler].__init__).parameters) - NOT_PLAIN


def test_every_sampler_says_which_options_it_has() -> None:
    assert set(OPTIONS) == set(SAMPLERS)


def test_pruners_are_those_that_can_prune() -> None:
    for pruner in PRUNERS:
        rule = pruning.rule_named(pruner)
        found = pruning.should_prune(rule, direction="minimize", own_curve={1: 1.0}, other_curves=[], max_resource=1)
        assert found is False


def test_the_defaults_of_pruners_are_those_that_the_schema_tells() -> None:
    told = {name: field.description or "" for name, field in PrunerEntry.model_fields.items()}
    assert f"asha ({pruning.REDUCTION['asha']}) and hyperband ({pruning.REDUCTION['hyperband']})" in told["reduction"]
    assert f"{pruning.MIN_RESOURCE['asha']} for asha" in told["min_resource"]
    assert "1/27" in told["min_resource"]
    assert pruning.MIN_RESOURCE["hyperband"] == 1 / 27


def test_each_exit_reason_is_retried_final_or_not_counted() -> None:
    reasons = [*RetryEntry.model_fields, *FINAL_REASONS, *FREE_REASONS]
    assert sorted(reasons) == sorted(get_args(ExitReason))
    assert list(RetryEntry.model_fields) == [field.name for field in fields(Retry)]


@pytest.mark.parametrize("generators", ["a b c abc", "a b c d abcd", "a b c ab ac bc abc", "a b c d abc -bcd", "a b c"])
def test_resolutions_of_generators_are_those_of_their_designs(generators: str) -> None:
    names = [f"f{place}" for place in range(len(generators.split()))]
    assert resolution_of(generators) == aliasing(names, FractionalDesign(None, generators)).resolution


@pytest.mark.parametrize(("number", "resolution"), list(itertools.product(range(3, 9), (3, 4, 5))))
def test_a_fraction_that_is_let_through_can_be_made(number: int, resolution: int) -> None:
    names = [f"f{place}" for place in range(number)]
    design = FractionalDesign(resolution)
    if rule_fault(design, number) is None:
        found = aliasing(names, design)
        assert found.resolution is None or found.resolution >= resolution
        assert 2 ** fewest_basic(number, resolution) <= found.runs
    else:
        assert resolution > number
