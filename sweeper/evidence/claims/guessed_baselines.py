"""Baselines that a frame leaves open: which of them a claim rests on, and what a reader must know about them."""

from collections.abc import Iterator, Mapping

from sweeper.designs.baselines import Guess
from sweeper.designs.levels import level_key
from sweeper.evidence.claims.arm_wording import level_name
from sweeper.evidence.data.comparison import matching
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.formatting import count
from sweeper.spec.claim import Arm, ArmContrast, ArmInteraction, Claim, Constant, Ordering


def rests_on_doubt(claim: Claim, runs: Runs) -> bool:
    """Return whether a claim rests on the guess of a baseline that contradicts that of another factor."""
    return any(guess.is_in_doubt for guess in _guesses(claim, runs).values())


def baseline_note(claim: Claim, runs: Runs) -> str:
    """Return the guessed baselines that a claim rests on as text; empty if there are none."""
    guesses = _guesses(claim, runs)
    if not guesses:
        return ""
    taken = "; ".join(_taken(name, guess) for name, guess in guesses.items())
    doubtful = {name: guess for name, guess in guesses.items() if guess.is_in_doubt}
    if not doubtful:
        remedy = _remedy({name: guess.other for name, guess in guesses.items()})
        meant = "If others are meant, declare them" if len(guesses) > 1 else "If another is meant, declare it"
        return f"Guessed baseline{'s' if len(guesses) > 1 else ''}: {taken}. {meant}, e.g. {remedy}."
    name, guess = next(iter(doubtful.items()))
    other = guess.at_nothing
    remedy = _remedy({name: each.other for name, each in doubtful.items()})
    instead = _remedy({name: each.level for name, each in doubtful.items()})
    return (
        f"The runs do not show the baseline of {name}: {level_name(guess.level)} is in {_more(guess)}, but {other} = "
        f"{_baseline(runs, other)}, the baseline of {other}, means none. So the claim is undecided; declare {remedy} "
        f"or {instead}."
    )


def _taken(name: str, guess: Guess) -> str:
    why = f"of equally frequent levels {guess.why}" if guess.why else f"in {_more(guess)}"
    return f"{name} = {level_name(guess.level)} ({why})"


def _more(guess: Guess) -> str:
    if guess.lead < 1:
        return f"as many configurations as {level_name(guess.other)}"
    return f"{count(guess.lead, 'configuration')} more than {level_name(guess.other)}"


def _remedy(levels: Mapping[str, object]) -> str:
    return f"baselines={levels!r}"


def _baseline(runs: Runs, factor: str) -> str:
    return level_name(runs.arm_names.factors[factor].baseline)


def _guesses(claim: Claim, runs: Runs) -> dict[str, Guess]:
    """Return the guesses of baselines that a claim rests on, by factor."""
    if not runs.guesses:
        return {}
    return {name: runs.guesses[name] for name in dict.fromkeys(_used(claim, runs)) if name in runs.guesses}


def _used(claim: Claim, runs: Runs) -> Iterator[str]:
    """Yield the factors whose baselines decide what a claim compares."""
    match claim.statement:
        case Ordering() as statement:
            yield from (name for name in (statement.largest, *statement.order, *statement.among) if name)
        case Constant() as statement:
            yield from _left_out(statement.arm, runs)
        case ArmContrast() as statement:
            yield from (name for arm in (statement.start, statement.to) for name in _left_out(arm, runs))
        case ArmInteraction() as statement:
            for each in (statement.first, statement.second):
                yield from (name for arm in (each.start, each.to) for name in _left_out(arm, runs))


def _left_out(arm: Arm, runs: Runs) -> Iterator[str]:
    """Yield the factors that a configuration does not name although the runs with its levels differ in them."""
    if arm.phase not in runs.phases:
        return
    found = matching(runs.phases[arm.phase].cells, {name: level_key(level) for name, level in arm.levels.items()})
    for name in runs.guesses:
        if name not in arm.levels and len({cell.levels[name] for cell in found}) > 1:
            yield name
