"""A study whose trials share GPUs, in a store, on a machine with fake GPUs."""

from dataclasses import dataclass, field

from sqlalchemy import Engine

from sweeper.execution.slots.resources import Slot
from sweeper.forecast.packing import Packing
from sweeper.pilot.packing import Tools, packed_slots
from sweeper.planning.plan import Plan
from sweeper.spec.study import Study
from sweeper.store.packings import known_packings
from tests.sweeper.pilot.fake_gpu import FakeGpu

STUDY = """
study: s
metric: {{name: loss, direction: minimize}}
trial:
  program: {{command: [python, train.py, "--lr={{lr}}", "--steps={{steps}}", "--seed={{seed}}"]}}
  config: {{lr: 0.1}}
resources: {{gpus_per_trial: auto, slots: {slots}}}
factors: {{lr: {{levels: [0.1, 0.2]}}}}
phases: [{{name: p, design: {{list: {rows}}}, seeds: {seeds}, budget: {{steps: {steps}}}}}]
"""
GAINS = {1: 1.0, 2: 1.25, 4: 2.0}  # throughputs 1, 1.6 and 2


@dataclass
class Setup:
    """A study in a store, on a machine with fake GPUs."""

    engine: Engine
    study_id: int
    study: Study
    plan: Plan
    store: str
    lines: list[str] = field(default_factory=list)

    def pack(self, gpu: FakeGpu, num_slots: int | None = None, **tools: object) -> tuple[Slot, ...] | None:
        self.lines.clear()
        made = Tools(**{"read": gpu.read, "run": gpu.run, "say": self.lines.append, **tools})  # type: ignore[arg-type]
        return packed_slots(
            self.engine,
            self.study_id,
            self.study,
            self.plan,
            store=self.store,
            num_slots=num_slots,
            tools=made,
        )

    @property
    def known(self) -> Packing:
        (found,) = known_packings(self.store, "s")
        return found
