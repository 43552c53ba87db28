"""What starts slots and waits for them: joblib's loky backend on this machine, or a cluster.

When a slot is killed, loky gives up its whole pool; what was in flight is resumed by the next one, since the store
knows all of it.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from sweeper.execution.slots.slot import SlotEnd, SlotTask, run_slot
from sweeper.run_module import load_own_packages


class Pool(Protocol):
    """Where slots run."""

    @property
    def advice(self) -> str:
        """What may help when slots are killed again and again."""

    @property
    def shares_machine(self) -> bool:
        """Whether all slots run on the launcher's machine and end with it."""

    def run(self, tasks: Sequence[SlotTask]) -> list[SlotEnd]:
        """Run slots until all have ended.

        Raises:
            SweeperError: it makes no sense to try again.
            Exception: slots were killed, and the rest ended.
        """

    def keep(self) -> None:
        """Called several times a second while slots run.

        Raises:
            SweeperError: there is nothing left that slots could run on.
        """

    def stop(self) -> None:
        """Start no more slots; those that run learn from the store that they are to stop."""

    def waits_in_vain(self) -> bool:
        """Whether no slot runs after `stop`, although `run` still waits for room to start some."""

    def end(self) -> None:
        """End the slots that are left; a slot's trial dies with it."""


class LokyPool:
    """Slots in processes of this machine."""

    shares_machine = True
    advice = "Is the machine out of memory? Fewer slots may help (--slots)."

    def run(self, tasks: Sequence[SlotTask]) -> list[SlotEnd]:
        """Each slot in a process of its own, be there only one, which joblib.Parallel would run in this process."""
        from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415

        executor: Any = get_reusable_executor(max_workers=len(tasks), initializer=load_own_packages)
        return list(executor.map(partial(run_slot, exit_if_orphaned=True), tasks))

    def keep(self) -> None:
        """Nothing to do."""

    def stop(self) -> None:
        """Nothing to do: all slots run from the start."""

    def waits_in_vain(self) -> bool:
        """Never: all slots run from the start."""
        return False

    def end(self) -> None:
        """End the slots' processes that are left."""
        from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415

        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
