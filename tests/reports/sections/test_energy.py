"""What the ledger says of energy and money."""

import math
from dataclasses import replace

from reports import wording
from reports.sections.blocks import Block, Cell, Paragraph, Table
from reports.sections.context import make_context
from reports.sections.energy import energy
from reports.sections.trials import trial_table
from sweeper.evidence.data.load import StudyData
from sweeper.spec.price import Price
from tests.reports.conftest import NOW
from tests.reports.studies import Phase, attempt, factor, study_data

KWH = 3.6e6


def study(*, cpu: float | None = None, gpu: float | None = None, price: Price | None = None) -> StudyData:
    """Two phases of one trial each, of an hour; the energy of the second is unknown."""
    phases = [Phase(name, "list", [{"f": level}], lambda levels, seed: 90.0, seeds=(0,)) for name, level in
              (("one", 0), ("two", 1))]  # fmt: skip
    data = study_data(
        {"f": factor(0, 1)},
        *phases,
        attempts=lambda row: [
            attempt(
                row,
                device="cpu" if gpu is None else "cuda:0",
                device_seconds=3600.0,
                started_at=row.id * 3600.0,
                heartbeat_at=row.id * 3600.0 + 3600,
                ended_at=row.id * 3600.0 + 3600,
                cpu_joules=cpu if row.phase == "one" else None,
                gpu_joules=gpu if row.phase == "one" else None,
            )
        ],
    )
    data = replace(data, trials=data.trials.assign(device_seconds=3600.0))
    return replace(data, study=replace(data.study, price=price))


def text(block: Block) -> str:
    assert isinstance(block, Paragraph)
    return "".join(run.text for run in block.text)


def cells(block: Block) -> list[list[str]]:
    assert isinstance(block, Table)
    return [[cell.text for cell in row] for row in block.rows]


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert energy(make_context(study(), NOW)) == []


def test_energy_is_told_with_the_part_of_the_time_for_which_it_is_known() -> None:
    told, table = energy(make_context(study(cpu=0.25 * KWH), NOW))
    assert text(told).startswith("It took 0.25 kWh of processors, known for 50% of the device time. Energy is what ")
    assert "other programs and idle time count too" in text(told)
    assert [row[2] for row in cells(table)] == ["0.25", wording.UNKNOWN, "0.25"]


def test_gpus_and_processors_are_told_apart() -> None:
    told, table = energy(make_context(study(cpu=0.1 * KWH, gpu=0.5 * KWH), NOW))
    assert "It took 0.1 kWh of processors and 0.5 kWh of GPUs, known for 50% of the device time and 50%" in text(told)
    assert isinstance(table, Table)
    assert [column.title for column in table.columns] == ["Phase", "Device time", "Processors, kWh", "GPUs, kWh"]


def test_money_is_device_time_times_the_price() -> None:
    told, table = energy(make_context(study(price=Price(2.5, "EUR")), NOW))
    assert text(told) == "It cost 5.00 EUR at 2.5 EUR per device-hour, including failed attempts."
    assert isinstance(table, Table)
    assert table.columns[-1].title == "Cost, EUR"
    assert [row[-1] for row in cells(table)] == ["2.50", "2.50", "5.00"]
    assert math.isclose(float(table.rows[-1][-1].sort or 0), 5.0)


def test_a_currency_that_is_not_named_is_left_out() -> None:
    told, table = energy(make_context(study(price=Price(0.001)), NOW))
    assert text(told).startswith("It cost 0.002 at 0.001 per device-hour")
    assert isinstance(table, Table)
    assert table.columns[-1].title == "Cost"


def test_the_table_of_trials_has_what_each_of_them_cost() -> None:
    table = trial_table(make_context(study(price=Price(2.5, "EUR")), NOW))
    place = [column.title for column in table.columns].index("Cost, EUR")
    assert [row[place] for row in table.rows] == [Cell("2.50", 2.5)] * 2
    assert "cost is at 2.5 EUR per device-hour" in table.caption[0].text
    assert all("Cost" not in column.title for column in trial_table(make_context(study(), NOW)).columns)
