"""The wire format of protocol buffers, as far as logs of training runs need it.

Event files of TensorBoard and offline runs of W&B are such messages. Their packages would read them as well, but take
60 MB each, and W&B's has no reader of its logs any more. Fields are told by their numbers, which never change.
"""

import struct
from collections.abc import Iterator, Sequence

Value = int | float | bytes
Fields = dict[int, list[Value]]  # of a message, by field number


class NotWireError(ValueError):
    """The bytes are not a message."""


def fields(message: bytes) -> Fields:
    """Return the fields of a message by their numbers, repeated ones in their order.

    Raises:
        NotWireError: it is cut short, or is no message.
    """
    found: Fields = {}
    for number, value in _each(message):
        found.setdefault(number, []).append(value)
    return found


def _each(message: bytes) -> Iterator[tuple[int, Value]]:
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        value: Value
        if kind == 0:
            value, position = _varint(message, position)
        elif kind == 1:
            value, position = _unpacked("<d", message, position, 8)
        elif kind == 5:
            value, position = _unpacked("<f", message, position, 4)
        elif kind == 2:
            length, position = _varint(message, position)
            value, position = message[position : position + length], position + length
            if position > len(message):
                raise NotWireError
        else:
            raise NotWireError
        yield number, value


def _varint(message: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if position >= len(message) or shift > 63:
            raise NotWireError
        byte = message[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return result, position
        shift += 7


def _unpacked(form: str, message: bytes, position: int, size: int) -> tuple[float, int]:
    if position + size > len(message):
        raise NotWireError
    return float(struct.unpack_from(form, message, position)[0]), position + size


def message_in(found: Fields, number: int) -> bytes:
    """Return a field that is a message, a text or bytes; empty if it is absent, the last one if it is repeated."""
    return next((value for value in reversed(found.get(number, [])) if isinstance(value, bytes)), b"")


def messages_in(found: Fields, number: int) -> Sequence[bytes]:
    """Return a repeated field of messages, texts or bytes."""
    return [value for value in found.get(number, []) if isinstance(value, bytes)]


def text_in(found: Fields, number: int) -> str:
    """Return a field that is a text; empty if it is absent."""
    return message_in(found, number).decode("utf-8", "replace")


def integer_in(found: Fields, number: int) -> int:
    """Return a field that is a signed integer; 0 if it is absent."""
    value = found.get(number, [0])[-1]
    whole = value if isinstance(value, int) else 0
    return whole - 2**64 if whole >= 2**63 else whole


def number_in(found: Fields, number: int) -> float | None:
    """Return a field that is a float or a double; None if it is absent."""
    value = found.get(number, [None])[-1]
    return value if isinstance(value, float) else None
