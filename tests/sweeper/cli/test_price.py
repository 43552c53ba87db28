"""A study with a price shows money in its plan and its status, and one without shows none."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.spec.json_form import from_json, to_json
from sweeper.spec.load import load_study
from sweeper.spec.price import Price, parsed_price
from tests.documentation.finished import finished_study
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]
STUDY = """study: priced
metric: {name: loss, direction: minimize}
trial: {program: {command: [python, -c, "print({rate}, {seed})"]}}
resources: {device: cpu, slots: 1}
factors: {rate: {levels: [0.1, 0.2]}}
phases: [{name: screen, design: grid, seeds: 5}]
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("bare.yaml").write_text(STUDY)
    Path("study.yaml").write_text(f"{STUDY}price_per_device_hour: 1.50 EUR\n")
    url = f"sqlite:///{tmp_path}/store.db"
    finished_study(url, Path("study.yaml"), tmp_path)  # 10 trials of 12 device-seconds
    return url


def test_the_status_and_its_json_say_what_the_study_has_cost(store: str, sweeper: Sweeper) -> None:
    assert "0.0333 device-hours (0.05 EUR)" in sweeper("status", "--store", store).out
    assert "ledger: 0.0333 device-hours (0.05 EUR): " in sweeper("status", "priced", "--store", store).out
    found = json.loads(sweeper("status", "priced", "--json", "--store", store).out)
    assert found["cost"] == {"amount": pytest.approx(0.05), "currency": "EUR", "price_per_device_hour": 1.5}


def test_the_plan_and_its_json_say_what_the_study_will_cost(store: str, sweeper: Sweeper) -> None:
    out = sweeper("plan", "study.yaml", "--store", store).out
    assert "At 1.5 EUR per device-hour, that costs 0.05 EUR (0.0" in out
    found = json.loads(sweeper("plan", "study.yaml", "--json", "--store", store).out)
    assert found["cost"]["amount"] == pytest.approx(1.5 * found["device_hours"])
    assert "kwh" not in found


def test_before_any_run_the_plan_says_what_a_minute_of_each_trial_costs(store: str, sweeper: Sweeper) -> None:
    Path("new.yaml").write_text(
        f"{STUDY.replace('priced', 'new').replace('{rate}, ', '3, {rate}, ')}price_per_device_hour: 1.50 EUR\n"
    )
    out = sweeper("plan", "new.yaml", "--store", "sqlite:///none.db").out
    assert "At 1.5 EUR per device-hour, each device-minute of a trial costs 0.25 EUR over 10 trials.\n" in out
    Path("new.yaml").write_text(f"{Path('new.yaml').read_text()}budget: {{device_hours: 4}}\n")
    out = sweeper("plan", "new.yaml", "--store", "sqlite:///none.db").out
    assert "over 10 trials; the budget caps the cost at 6.00 EUR." in " ".join(out.split())
    found = json.loads(sweeper("plan", "new.yaml", "--json", "--store", "sqlite:///none.db").out)
    assert found["cost"] == {"amount": None, "currency": "EUR", "price_per_device_hour": 1.5, "most": 6.0}


def test_the_plan_says_what_energy_the_study_will_take_once_counters_have_shown_any(
    store: str, sweeper: Sweeper
) -> None:
    with closing(sqlite3.connect("store.db")) as connection, connection:
        connection.execute("UPDATE sweeper_attempts SET cpu_joules = 600")  # over 12 seconds each
    assert (
        "In its attempts so far, a device took 50 W: that makes 0.00167 kWh."
        in sweeper("plan", "bare.yaml", "--store", store).out
    )
    found = json.loads(sweeper("plan", "bare.yaml", "--json", "--store", store).out)
    assert (found["watts_per_device"], found["kwh"]) == (50.0, pytest.approx(0.05 * found["device_hours"]))


def test_without_a_price_nothing_speaks_of_money(store: str, sweeper: Sweeper) -> None:
    assert "device-hour," not in sweeper("plan", "bare.yaml", "--store", store).out
    assert "cost" not in json.loads(sweeper("plan", "bare.yaml", "--json", "--store", store).out)


def test_a_price_may_change_without_extend(store: str, sweeper: Sweeper) -> None:
    Path("study.yaml").write_text(f"{STUDY}price_per_device_hour: 3 EUR\n")
    assert sweeper("launch", "study.yaml", "--store", store).code == 0
    assert "(0.1 EUR)" in sweeper("status", "--store", store).out


@pytest.mark.parametrize(
    ("value", "price"),
    [
        (2, Price(2.0)),
        (2.49, Price(2.49)),
        ("2.49 EUR", Price(2.49, "EUR")),
        ("2.49€", Price(2.49, "€")),
        ("12 US cents", Price(12.0, "US cents")),
        *((value, None) for value in (0, -1, True, None, "EUR", "EUR 2", "2", "0 EUR", "1e400 EUR", "2 \n", "2 x" * 9)),
        (float("inf"), None),
    ],
)
def test_prices_are_numbers_with_or_without_a_currency(value: object, price: Price | None) -> None:
    assert parsed_price(value) == price


def test_a_study_keeps_its_price_as_json(store: str) -> None:
    study = load_study(Path("study.yaml"))
    assert study.price == Price(1.5, "EUR")
    assert from_json(to_json(study)).price == study.price
    assert "price_per_device_hour" not in to_json(replace(study, price=None))


def test_amounts_have_two_decimals_or_two_digits() -> None:
    price = Price(1.0, "EUR")
    assert [price.text(hours) for hours in (0, 0.00123, 0.5, 1, 1234.567)] == [
        "0.00 EUR", "0.0012 EUR", "0.5 EUR", "1.00 EUR", "1,234.57 EUR",
    ]  # fmt: skip
