"""TensorBoard's event files: scalars and hyperparameters.

A file is a sequence of records: the length (8 bytes), its checksum (4), the message, its checksum (4). The last record
of a run that still writes, or was killed, may be cut short; it is left out.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sweeper.designs.levels import Level
from sweeper.importing.wire import (
    NotWireError,
    fields,
    integer_in,
    message_in,
    messages_in,
    number_in,
    text_in,
)

HEADER: Final = struct.Struct("<QI")  # the length of a record and the checksum of the length
FOOTER_BYTES: Final = 4
MOST_BYTES: Final = 1 << 30  # of a record
DOUBLE, FLOAT = 2, 1  # TensorFlow's names of types, by number
HPARAMS: Final = "hparams"
SESSION_STATES: Final = {1: "completed", 2: "failed", 3: "running"}


@dataclass(slots=True)
class EventLog:
    """The content of the event files of one directory.

    Attributes:
        curves: values by tag and step; of a step that was written twice the last one.
        hparams: hyperparameters by name.
        state: of the session, if the run wrote one.
        first, last: when its first and last value were written, in seconds since the epoch.
    """

    curves: dict[str, dict[int, float]] = field(default_factory=dict)
    hparams: dict[str, Level] = field(default_factory=dict)
    state: str = ""
    first: float = math.inf
    last: float = -math.inf


def read_events(path: Path, into: EventLog) -> None:
    """Add the events of a file to a log.

    Raises:
        ValueError: it is not an event file.
    """
    for message in _records(path):
        try:
            _add_event(message, into)
        except NotWireError as error:
            raise ValueError("is not an event file of TensorBoard") from error


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while True:
            header = file.read(HEADER.size)
            if len(header) < HEADER.size:
                return
            length, _ = HEADER.unpack(header)
            if length > MOST_BYTES:
                raise ValueError("is not an event file of TensorBoard")
            message = file.read(length)
            if len(message) < length or len(file.read(FOOTER_BYTES)) < FOOTER_BYTES:
                return
            yield message


def _add_event(message: bytes, into: EventLog) -> None:
    event = fields(message)
    summary = message_in(event, 5)
    if not summary:
        return
    wall_time, step = number_in(event, 1), integer_in(event, 2)
    for each in messages_in(fields(summary), 1):
        value = fields(each)
        plugin = fields(message_in(fields(message_in(value, 9)), 1))
        if text_in(plugin, 1) == HPARAMS:
            _add_hparams(message_in(plugin, 2), into)
            continue
        scalar = number_in(value, 2)
        if scalar is None:
            scalar = _tensor_scalar(message_in(value, 8))
        if scalar is not None:
            into.curves.setdefault(text_in(value, 1), {})[step] = scalar
            if wall_time is not None:
                into.first, into.last = min(into.first, wall_time), max(into.last, wall_time)


def _tensor_scalar(message: bytes) -> float | None:
    """Return the number that a tensor holds; None if it holds several, or something else."""
    tensor = fields(message)
    kind, content = integer_in(tensor, 1), message_in(tensor, 4)
    if kind not in (FLOAT, DOUBLE) or message_in(tensor, 2):  # which has a shape
        return None
    form, number = ("<d", 6) if kind == DOUBLE else ("<f", 5)
    if len(content) == struct.calcsize(form):
        return float(struct.unpack(form, content)[0])
    packed = message_in(tensor, number)
    if len(packed) == struct.calcsize(form):
        return float(struct.unpack(form, packed)[0])
    return number_in(tensor, number)


def _add_hparams(content: bytes, into: EventLog) -> None:
    data = fields(content)
    start, end = message_in(data, 3), message_in(data, 4)
    for entry in messages_in(fields(start), 1):
        pair = fields(entry)
        into.hparams[text_in(pair, 1)] = _hparam(message_in(pair, 2))
    if end:
        into.state = SESSION_STATES.get(integer_in(fields(end), 1), "")


def _hparam(message: bytes) -> Level:
    value = fields(message)
    number = number_in(value, 2)
    if number is not None:
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    if 4 in value:
        return bool(integer_in(value, 4))
    return text_in(value, 3) if 3 in value else None
