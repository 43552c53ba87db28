"""Studies whose trials share fake GPUs."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.execution.slots import neighbours as neighbours_module
from sweeper.execution.slots import resources, running
from sweeper.pilot import packing
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from tests.sweeper.pilot.packing_setup import STUDY, Setup


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Setup]]:
    monkeypatch.setenv("SWEEPER_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(packing, "crowding_now", lambda study, slots: None)
    monkeypatch.setattr(packing, "shares_by_mps", lambda: False)
    monkeypatch.setattr(neighbours_module, "_directory", lambda: tmp_path / "neighbours")
    engines: list[Engine] = []

    def make(
        gpus: Sequence[str] = ("0",),
        *,
        rows: str = "[{lr: 0.1}]",
        seeds: int = 40,
        steps: int = 10_000,
        slots: str = "auto",
    ) -> Setup:
        for module in (packing, running, resources):
            monkeypatch.setattr(module, "find_gpus", lambda: tuple(gpus))
        path, store = tmp_path / "s.yaml", f"sqlite:///{tmp_path / 's.db'}"
        path.write_text(STUDY.format(rows=rows, seeds=seeds, steps=steps, slots=slots))
        study = load_study(path)
        plan = make_plan(study)
        engine = open_store(store, create=True)
        engines.append(engine)
        study_id = enrol(engine, plan, study, runs_dir=tmp_path / "runs", now=0.0, extend=False).study_id
        return Setup(engine, study_id, study, plan, store)

    yield make
    for engine in engines:
        engine.dispose()
