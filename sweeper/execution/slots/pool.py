"""Pools start slots and wait for them: joblib's loky backend on this machine, or a cluster.

When a slot is killed, loky gives up its whole pool; the next pool resumes what was in flight, since the store knows all
of it.
"""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from sweeper.execution.slots.slot import SlotEnd, SlotTask, run_slot
from sweeper.run_module import load_own_packages

FEEDER_WAIT_S: Final = 2.0


class Pool(Protocol):
    """Runs slots."""

    @property
    def advice(self) -> str:
        """What may help if slots are killed again and again."""

    @property
    def shares_machine(self) -> bool:
        """Whether all slots run on the launcher's machine and end with it."""

    def run(self, tasks: Sequence[SlotTask]) -> list[SlotEnd]:
        """Run slots until all have ended.

        Raises:
            SweeperError: it makes no sense to try again.
            Exception: slots were killed, and the others ended.
        """

    def maintain(self) -> None:
        """Replace what was lost; called several times a second while slots run.

        Raises:
            SweeperError: nothing is left that slots could run on.
        """

    def stop(self) -> None:
        """Start no more slots; running ones learn from the store that they are to stop."""

    def is_stalled(self) -> bool:
        """Return whether no slot runs after `stop`, although `run` is still waiting for room to start some."""

    def end(self) -> None:
        """Kill the remaining slots; a slot's trial dies with it."""


class LokyPool:
    """Runs slots in processes of this machine."""

    shares_machine = True
    advice = "Is the machine out of memory? Fewer slots may help (--slots)."

    def run(self, tasks: Sequence[SlotTask]) -> list[SlotEnd]:
        """Run each slot in a process of its own, even a single one, which joblib.Parallel would run in this process."""
        from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415 - slow to import

        executor = get_reusable_executor(max_workers=len(tasks), initializer=load_own_packages)
        return list(executor.map(partial(run_slot, exit_if_orphaned=True), tasks))

    def maintain(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing: all slots run from the start."""

    def is_stalled(self) -> bool:
        """Return false: all slots run from the start."""
        return False

    def end(self) -> None:
        """Kill the remaining slots' processes."""
        from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415 - slow to import

        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
        # When Python ends, it stops daemon threads wherever they are. This one, which loky does not wait for, frees
        # semaphores: stopped in the middle of that, it leaves one behind, and loky warns of it.
        for thread in threading.enumerate():
            if thread.name == "QueueFeederThread":
                thread.join(FEEDER_WAIT_S)
