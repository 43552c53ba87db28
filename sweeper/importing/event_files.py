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
    Fields,
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
NO_EVENTS: Final = "is not an event file of TensorBoard"
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


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value that a run logged.

    Attributes:
        value: None if it is something else than one number, such as a histogram, a text or a tensor.
    """

    tag: str
    step: int
    value: float | None


def read_events(path: Path, into: EventLog) -> None:
    """Add the events of a file to a log.

    Raises:
        ValueError: it is not an event file.
    """
    for message, _ in records(path):
        try:
            _add_event(message, into)
        except NotWireError as error:
            raise ValueError(NO_EVENTS) from error


def scalars_from(path: Path, offset: int) -> Iterator[tuple[list[Scalar], int]]:
    """Yield the values of each record from a place on, those that are no scalars too, and where the record ends.

    Raises:
        ValueError: it is not an event file.
    """
    for message, end in records(path, offset):
        try:
            yield list(_scalars(fields(message))), end
        except NotWireError as error:
            raise ValueError(NO_EVENTS) from error


def records(path: Path, offset: int = 0) -> Iterator[tuple[bytes, int]]:
    """Yield the complete records of a file from a place on, each with the place where it ends.

    Raises:
        ValueError: it is not an event file.
    """
    with path.open("rb") as file:
        file.seek(offset)
        while True:
            header = file.read(HEADER.size)
            if len(header) < HEADER.size:
                return
            length, _ = HEADER.unpack(header)
            if length > MOST_BYTES:
                raise ValueError(NO_EVENTS)
            message = file.read(length)
            if len(message) < length or len(file.read(FOOTER_BYTES)) < FOOTER_BYTES:
                return
            offset += HEADER.size + length + FOOTER_BYTES
            yield message, offset


def _add_event(message: bytes, into: EventLog) -> None:
    event = fields(message)
    wall_time = number_in(event, 1)
    for value in _values(event):
        plugin = _plugin(value)
        if text_in(plugin, 1) == HPARAMS:
            _add_hparams(message_in(plugin, 2), into)
    for scalar in _scalars(event):
        if scalar.value is None:
            continue
        into.curves.setdefault(scalar.tag, {})[scalar.step] = scalar.value
        if wall_time is not None:
            into.first, into.last = min(into.first, wall_time), max(into.last, wall_time)


def _values(event: Fields) -> Iterator[Fields]:
    """Yield the values of an event's summary."""
    summary = message_in(event, 5)
    return (fields(each) for each in messages_in(fields(summary), 1)) if summary else iter(())


def _plugin(value: Fields) -> Fields:
    return fields(message_in(fields(message_in(value, 9)), 1))


def _scalars(event: Fields) -> Iterator[Scalar]:
    """Yield the values of an event; its summary may have several."""
    step = integer_in(event, 2)
    for each in _values(event):
        number = number_in(each, 2)
        if number is None:
            number = _tensor_scalar(message_in(each, 8))
        if text_in(_plugin(each), 1) != HPARAMS:
            yield Scalar(text_in(each, 1), step, number)


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
