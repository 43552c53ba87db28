"""Event files of TensorBoard, as its writer makes them. Trials that run without any packages import it, too."""

import struct
import time
from pathlib import Path


def varint(number: int) -> bytes:
    text = b""
    while number > 0x7F:
        text += bytes([number & 0x7F | 0x80])
        number >>= 7
    return text + bytes([number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def record(message: bytes) -> bytes:
    return struct.pack("<QI", len(message), 0) + message + struct.pack("<I", 0)


def scalar(tag: str, step: int, value: float) -> bytes:
    """Return the record of a scalar."""
    content = field(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
    head = b"\x09" + struct.pack("<d", time.time()) + b"\x10" + varint(step)
    return record(head + field(5, field(1, content)))


def histogram(tag: str, step: int) -> bytes:
    """Return the record of a histogram, which is empty."""
    head = b"\x09" + struct.pack("<d", time.time()) + b"\x10" + varint(step)
    return record(head + field(5, field(1, field(1, tag.encode()) + field(5, b""))))


def write(path: Path, tag: str, points: dict[int, float]) -> None:
    """Add scalars to an event file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        for step, value in points.items():
            file.write(scalar(tag, step, value))
