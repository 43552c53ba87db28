"""`resources.gpus_per_trial: auto`: have a pilot choose how many trials share a GPU, and show what it does."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click
from sqlalchemy import Engine

from sweeper.cli.progress_lines import Progress
from sweeper.execution.launch import Pack
from sweeper.execution.slots.resources import Slot
from sweeper.spec.study import Study
from sweeper.store.reading.reader_rows import StudyRow

if TYPE_CHECKING:
    from sweeper.pilot.packing import Tools
    from sweeper.planning.plan import Plan


def packing_of(study: Study, plan: "Plan", *, store: str, slots: int | None, progress: Progress) -> Pack | None:
    """Return what chooses the slots of a study whose trials share GPUs; None if its file says how many do."""
    if study.resources.gpus_per_trial != "auto":
        return None

    def pack(engine: Engine, study_id: int) -> tuple[Slot, ...] | None:
        from sweeper.pilot.packing import packed_slots  # noqa: PLC0415 - only few studies need it

        tools = _tools(study.name, progress)
        return packed_slots(engine, study_id, study, plan, store=store, num_slots=slots, tools=tools)

    return pack


def packing_on_worker(
    *, store: str, slots: int | None, progress: Progress
) -> Callable[[Engine, StudyRow], tuple[Slot, ...] | None]:
    """Return what chooses a worker's slots for a study whose trials share GPUs."""

    def pack(engine: Engine, row: StudyRow) -> tuple[Slot, ...] | None:
        from sweeper.pilot.packing import packed_slots  # noqa: PLC0415 - reading study files is slow to load
        from sweeper.planning.plan import make_plan  # noqa: PLC0415

        tools, plan = _tools(row.name, progress), make_plan(row.study)
        return packed_slots(engine, row.id, row.study, plan, store=store, num_slots=slots, tools=tools)

    return pack


def _tools(study: str, progress: Progress) -> "Tools":
    from sweeper.cli.pilot import shown_in  # noqa: PLC0415 - reading study files is slow to load
    from sweeper.pilot.packing import Tools  # noqa: PLC0415

    return Tools(say=lambda line: click.echo(f"{study}: {line}", err=True), on_tick=shown_in(progress))
