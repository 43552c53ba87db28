"""A port of each slot's own, at which the processes of one trial meet (torchrun, torch.distributed, Lightning)."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

FIRST: Final = 22000  # below the ports that systems give to outgoing connections
NUMBER: Final = 10000
SPREAD: Final = 37  # between the first choices of slots whose process ids follow each other
HERE: Final = "127.0.0.1"


@dataclass(slots=True)
class MeetingPort:
    """A TCP port for the trials of a slot, reserved as long as the slot lives.

    The TCP port itself must stay free for the trial, so the reservation is the UDP port of the same number: no other
    slot on the machine can have it, and it is free again once the slot's process has ended.
    """

    _reservation: socket.socket | None = None

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that name the port; none if the slot has its own, or no port is free.

        Args:
            given: the slot's environment.
        """
        number = self._number()
        if number is None:
            return {}
        address = given.get("MASTER_ADDR", HERE)
        return {
            "MASTER_ADDR": address,
            "MASTER_PORT": str(number),
            "PET_RDZV_ENDPOINT": f"{address}:{number}",  # torchrun's option --rdzv-endpoint
        }

    def close(self) -> None:
        """Give the port back."""
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None

    def _number(self) -> int | None:
        """Return a port that no other program uses now: the one before, if it is still free."""
        if self._reservation is not None:
            number = int(self._reservation.getsockname()[1])
            if _is_free(number):
                return number
            self.close()
        first = os.getpid() * SPREAD
        for offset in range(NUMBER):
            number = FIRST + (first + offset) % NUMBER
            reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with suppress(OSError):
                reservation.bind((HERE, number))
                if _is_free(number):
                    self._reservation = reservation
                    return number
            reservation.close()
        return None


def _is_free(number: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as programs do: the last trial may have had it
        try:
            probe.bind(("", number))
        except OSError:
            return False
        return True
