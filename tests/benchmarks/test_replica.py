"""The hours of the 339 trials at CPU scale are summed over the study as it was run."""

import pytest

from benchmarks.replica import SETTINGS, Kind, Seconds, kinds_of_trials, summary


@pytest.fixture(scope="module")
def kinds() -> list[Kind]:
    return kinds_of_trials()


def hours(kinds: list[Kind], setting: str, seconds: Seconds) -> float:
    for kind in kinds:
        kind.seconds, kind.valid, kind.test = dict.fromkeys(("fp32", "mixed"), seconds), 70_000, 80_000
    found = summary(setting, kinds, *SETTINGS[setting])["hours"]
    assert isinstance(found, float)
    return found


def test_every_trial_is_set_up_once_and_takes_its_steps(kinds: list[Kind]) -> None:
    whole = "as written: fp32, whole texts"
    assert 3600 * hours(kinds, whole, Seconds(setup=1.0, step=0.0, token=0.0)) == pytest.approx(339)
    steps = sum(sum(kind.steps) for kind in kinds)
    assert 3600 * hours(kinds, whole, Seconds(setup=0.0, step=1.0, token=0.0)) == pytest.approx(steps)


def test_settings_evaluate_what_they_say(kinds: list[Kind]) -> None:
    tokens = [3600 * hours(kinds, name, Seconds(setup=0.0, step=0.0, token=1.0)) for name in SETTINGS]
    assert tokens[0] == tokens[1] == pytest.approx(339 * (6 * 70_000 + 80_000))
    assert tokens[2] == pytest.approx(339 * (6 * 4_000 + 2 * 70_000 + 80_000))
    assert tokens[4] == pytest.approx(339 * (6 * 4_000 + 3 * 20_000))
    assert tokens[4] < tokens[3] < tokens[2]
