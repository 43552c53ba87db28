"""Draw the next configuration of a phase with one of Optuna's samplers, from the phase's trials so far.

No state is kept between draws. A draw depends only on the seed, the factors and the history, not on the study's name
or on the order of the factors in a file or store. Samplers with state (``cmaes``, ``nsgaii``, ``nsgaiii``) recover it
by asking for every past trial again, with its values given.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.designs.factor import Factor, Factors, Range, settled
from sweeper.designs.kinds import SamplerDesign, SamplerName
from sweeper.designs.levels import Configuration, Level, distinct_levels, is_excluded, same_level
from sweeper.errors import UsageError
from sweeper.spec.metric import Direction

Params = dict[str, int | float]

REPLAYED: Final = ("cmaes", "nsgaii", "nsgaiii")
ON_A_SCALE: Final = ("cmaes", "gp", "qmc")  # they use distances, so ascending numbers become positions on a scale
DRAWS: Final = 100  # from the sampler, until a configuration is allowed
RANDOM_DRAWS: Final = 10_000

STATES: Final = {
    "completed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "running": TrialState.RUNNING,
    "waiting": TrialState.RUNNING,  # preempted, to be resumed
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A trial of the phase that already has its configuration.

    Attributes:
        state: completed, pruned, failed, running or waiting.
        value: the study's metric, if it is known.
    """

    configuration: Mapping[str, Level]
    state: str
    value: float | None


def draw(
    design: SamplerDesign,
    factors: Factors,
    history: Sequence[Drawn],
    *,
    direction: Direction,
    seed: tuple[int, ...],
    exclude: Sequence[Mapping[str, Level]] = (),
    allowed: Callable[[Configuration], bool] | None = None,
    is_new: Callable[[Configuration], bool] | None = None,
) -> Configuration:
    """Return a level for each factor.

    Args:
        factors: those that the phase varies.
        history: the phase's trials, in its order.
        seed: the study's seed, the phase's position and the trial's number, so that draws with the same history
            differ.
        exclude: combinations of levels that are left out.
        allowed: whether the program accepts a configuration.
        is_new: whether the phase does not have a configuration yet; one that it has is returned only if all others
            are taken. None to return any.

    Raises:
        UsageError: the sampler refuses the options, or no allowed configuration was found.
    """
    sampler, options = design.sampler, design.options
    space = _Space(factors, on_a_scale=sampler in ON_A_SCALE)

    def is_possible(configuration: Configuration) -> bool:
        return not is_excluded(configuration, exclude) and (allowed is None or allowed(configuration))

    def is_allowed(configuration: Configuration) -> bool:
        return is_possible(configuration) and (is_new is None or is_new(configuration))

    numbers = np.random.SeedSequence([abs(part) for part in seed])
    number = int(numbers.generate_state(1)[0])
    if sampler == "qmc":
        configuration = space.configuration(_low_discrepancy(space, seed))
        if is_allowed(configuration):
            return configuration
        sampler = "random"
    with _quiet_optuna():
        study = optuna.create_study(direction=direction, sampler=_sampler(sampler, options, number))
        _tell(study, space, history, replay=sampler in REPLAYED)
        found = _draw(study, space, is_allowed)
    if found is None and is_new is not None:
        found = _left(space, np.random.default_rng(numbers), is_allowed)
    return found if found is not None else _by_chance(space, np.random.default_rng(numbers), is_possible)


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Suppress Optuna's log, and its warnings: experimental arguments, spaces that a sampler supports only in part."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


class _Space:
    """The factors as Optuna's distributions, with levels as indices, so that levels can be of any type."""

    def __init__(self, factors: Factors, *, on_a_scale: bool) -> None:
        self.factors = {name: factors[name] for name in sorted(factors)}
        self.levels: dict[str, tuple[Level, ...]] = {}
        self.distributions: dict[str, BaseDistribution] = {}
        for name, factor in self.factors.items():
            if factor.range is not None:
                self.distributions[name] = _interval(factor.range)
                continue
            # If the factor is not varied it is at its baseline, which the history then has.
            levels = distinct_levels((*(factor.levels or ()), *([factor.baseline] if factor.when else ())))
            self.levels[name] = levels
            self.distributions[name] = (
                IntDistribution(0, len(levels) - 1)
                if on_a_scale and _rises(levels)
                else CategoricalDistribution(range(len(levels)))
            )

    def configuration(self, params: Mapping[str, int | float]) -> Configuration:
        """Return the configuration of Optuna's parameters, with all conditions met."""
        drawn = {
            name: self.levels[name][int(value)] if name in self.levels else value for name, value in params.items()
        }
        return settled({name: drawn[name] for name in self.factors}, self.factors)

    def params(self, configuration: Mapping[str, Level]) -> Params | None:
        """Return Optuna's parameters for a configuration; None if Optuna cannot draw it."""
        params: Params = {}
        for name, factor in self.factors.items():
            param = self._param(factor, configuration[name]) if name in configuration else None
            if param is None:
                return None
            params[name] = param
        return params

    def _param(self, factor: Factor, level: Level) -> int | float | None:
        if factor.range is None:
            return next(
                (index for index, known in enumerate(self.levels[factor.name]) if same_level(known, level)), None
            )
        if not isinstance(level, int | float) or isinstance(level, bool):
            return None
        distribution = self.distributions[factor.name]
        near = min(max(level, factor.range.low), factor.range.high)
        return near if distribution._contains(distribution.to_internal_repr(near)) else None


def _interval(of_factor: Range) -> BaseDistribution:
    low, high, step, log = of_factor.low, of_factor.highest, of_factor.step, of_factor.log
    if isinstance(low, int) and isinstance(high, int) and (step is None or isinstance(step, int)):
        return IntDistribution(low, high, log=log, step=step or 1)
    return FloatDistribution(float(low), float(high), log=log, step=step)


def _rises(levels: Sequence[Level]) -> bool:
    numbers = [level for level in levels if isinstance(level, int | float) and not isinstance(level, bool)]
    return len(levels) > 2 and len(numbers) == len(levels) and numbers == sorted(numbers)


def _sampler(name: SamplerName, given: Mapping[str, object], seed: int) -> BaseSampler:
    options = dict(given)
    makers: dict[SamplerName, Callable[..., BaseSampler]] = {
        "tpe": TPESampler,
        "random": RandomSampler,
        "gp": GPSampler,
        "cmaes": CmaEsSampler,
        "nsgaii": NSGAIISampler,
        "nsgaiii": NSGAIIISampler,
    }
    if name == "tpe":
        options.setdefault("constant_liar", True)  # running trials keep others from drawing the same
    if name == "random":
        options = {}
    try:
        return makers[name](seed=seed, **options)
    except (TypeError, ValueError) as error:
        raise UsageError(f"sampler {name!r} refuses the options {options}: {error}") from error


def _tell(study: optuna.Study, space: _Space, history: Sequence[Drawn], *, replay: bool) -> None:
    """Add the history to the study."""
    if replay:
        _replay(study, space, history)
    else:
        frozen = [_frozen(space, past) for past in history]
        study.add_trials([trial for trial in frozen if trial is not None])


def _draw(study: optuna.Study, space: _Space, is_allowed: Callable[[Configuration], bool]) -> Configuration | None:
    """Return an allowed configuration; None if the sampler draws none in many attempts."""
    for _ in range(DRAWS):
        trial = study.ask(space.distributions)
        configuration = space.configuration(trial.params)
        if is_allowed(configuration):
            return configuration
        study.tell(trial, state=TrialState.FAIL)
    return None


def _frozen(space: _Space, past: Drawn) -> FrozenTrial | None:
    """Return a past trial for samplers that use only values; None if Optuna cannot draw it."""
    params = space.params(past.configuration)
    if params is None:
        return None
    state, value = _outcome(past)
    if state == TrialState.RUNNING:
        value = None
    return create_trial(
        state=state,
        params=params,
        distributions=space.distributions,
        value=value if state == TrialState.COMPLETE else None,
        intermediate_values={1: value} if value is not None and state == TrialState.PRUNED else None,
    )


def _replay(study: optuna.Study, space: _Space, history: Sequence[Drawn]) -> None:
    """Ask for and tell every past trial again, so that the sampler counts its generations as before."""
    for past in history:
        params = space.params(past.configuration)
        if params is None:
            continue
        study.enqueue_trial(params)
        trial = study.ask(space.distributions)
        _ = trial.relative_params  # makes the sampler count the trial, which it skips if all values are given
        state, value = _outcome(past)
        if state != TrialState.RUNNING:
            study.tell(trial, value if state == TrialState.COMPLETE else None, state=state)


def _outcome(past: Drawn) -> tuple[TrialState, float | None]:
    """Return the state and the finite value; a completed trial without a value counts as failed."""
    value = past.value if past.value is not None and math.isfinite(past.value) else None
    state = STATES[past.state]
    return (TrialState.FAIL if state == TrialState.COMPLETE and value is None else state), value


def _low_discrepancy(space: _Space, seed: tuple[int, ...]) -> Params:
    """Return the point of a scrambled Sobol sequence at the trial's number.

    Optuna's own sampler counts its points in the study and draws the first one at random.
    """
    from scipy.stats import qmc  # noqa: PLC0415 - SciPy is slow to load

    *shared, index = seed
    rng = np.random.default_rng(np.random.SeedSequence([abs(part) for part in shared]))
    sequence = qmc.Sobol(d=max(1, len(space.distributions)), scramble=True, rng=rng)
    if index:
        sequence.fast_forward(index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about balance, which a single point does not have
        point = sequence.random(1)[0]
    return {
        name: _at(distribution, float(share))
        for (name, distribution), share in zip(space.distributions.items(), point, strict=True)
    }


def _left(space: _Space, rng: np.random.Generator, is_allowed: Callable[[Configuration], bool]) -> Configuration | None:
    """Return one of the configurations that are left, by chance; None if there is none, or if they are not few."""
    counts = [_num_values(distribution) for distribution in space.distributions.values()]
    if not 0 < math.prod(counts) <= RANDOM_DRAWS:
        return None
    for index in rng.permutation(math.prod(counts)):
        places = np.unravel_index(int(index), counts)
        configuration = space.configuration(
            {
                name: _nth(distribution, int(place))
                for (name, distribution), place in zip(space.distributions.items(), places, strict=True)
            }
        )
        if is_allowed(configuration):
            return configuration
    return None


def _num_values(distribution: BaseDistribution) -> int:
    """Return how many values a distribution has; 0 if there is no end of them."""
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    step = distribution.step
    return 0 if step is None else round((distribution.high - distribution.low) / step) + 1


def _nth(distribution: BaseDistribution, index: int) -> int | float:
    if isinstance(distribution, CategoricalDistribution):
        return index
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return min(distribution.low + index * (distribution.step or 0), distribution.high)


def _by_chance(space: _Space, rng: np.random.Generator, is_allowed: Callable[[Configuration], bool]) -> Configuration:
    for _ in range(RANDOM_DRAWS):
        params = {name: _at(distribution, float(rng.random())) for name, distribution in space.distributions.items()}
        configuration = space.configuration(params)
        if is_allowed(configuration):
            return configuration
    raise UsageError(
        f"none of {RANDOM_DRAWS + DRAWS:,} drawn configurations is allowed. Exclude less (exclude), "
        "or limit the factors to values that the program accepts"
    )


def _at(distribution: BaseDistribution, share: float) -> int | float:
    """Return the value at a share in [0, 1) of a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return min(int(share * len(distribution.choices)), len(distribution.choices) - 1)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    half = 0.5 if isinstance(distribution, IntDistribution) else 0.0
    if distribution.log:
        value = math.exp(math.log(low - half) + share * (math.log(high + half) - math.log(low - half)))
    elif step is not None:
        value = low + step * min(int(share * (round((high - low) / step) + 1)), round((high - low) / step))
    else:
        value = low + share * (high - low)
    if isinstance(distribution, IntDistribution):
        return int(min(max(round(value), low), high))
    return float(min(max(value, low), high))
