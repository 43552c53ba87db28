"""The log of an offline run of W&B: ``run-ID.wandb``, which has its configuration, its history and its summary.

It is a log of LevelDB: blocks of 32 KiB with fragments of records, each with its checksum (4 bytes), its length (2) and
its kind (1). Records are protocol buffers. The end of a run that was killed may be cut short; it is left out.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sweeper.importing.wire import Fields, NotWireError, fields, integer_in, message_in, messages_in, text_in

MAGIC: Final = b":W&B"
HEADER_BYTES: Final = 7  # of the file
BLOCK_BYTES: Final = 32768
FRAGMENT: Final = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
HISTORY, SUMMARY, CONFIG, RUN, EXIT = 2, 3, 5, 17, 18  # kinds of records, by the number of their field
VALUE: Final = 16  # the field of an item's value, as JSON


@dataclass(slots=True)
class RunLog:
    """The content of a log.

    Attributes:
        config, summary: JSON values by name, nested ones with dots.
        history: numbers by metric and step.
        exit_code: None if the run has not ended.
        started_at: in seconds since the epoch; None if unknown.
        seconds: how long it ran, if it says so.
    """

    config: dict[str, object] = field(default_factory=dict)
    summary: dict[str, object] = field(default_factory=dict)
    history: dict[str, dict[int, float]] = field(default_factory=dict)
    project: str = ""
    name: str = ""
    exit_code: int | None = None
    started_at: float | None = None
    seconds: float | None = None


def read_log(path: Path) -> RunLog:
    """Return the content of a log.

    Raises:
        ValueError: it is not one.
        OSError: it cannot be read.
    """
    found = RunLog()
    for record in _records(path.read_bytes()):
        try:
            _add(fields(record), found)
        except (NotWireError, ValueError) as error:
            raise ValueError("has a record that cannot be read") from error
    return found


def _records(content: bytes) -> Iterator[bytes]:
    if not content.startswith(MAGIC):
        raise ValueError("is not a log of W&B")
    position, parts = HEADER_BYTES, b""
    while position + FRAGMENT.size <= len(content):
        left = BLOCK_BYTES - position % BLOCK_BYTES
        if left < FRAGMENT.size:  # padding
            position += left
            continue
        _, length, kind = FRAGMENT.unpack_from(content, position)
        position += FRAGMENT.size
        part = content[position : position + length]
        position += length
        if kind not in (FULL, FIRST, MIDDLE, LAST) or len(part) < length:
            return
        parts = part if kind in (FULL, FIRST) else parts + part
        if kind in (FULL, LAST):
            yield parts


def _add(record: Fields, found: RunLog) -> None:
    if RUN in record:
        _add_run(fields(message_in(record, RUN)), found)
    if CONFIG in record:
        _update(found.config, fields(message_in(record, CONFIG)))
    if SUMMARY in record:
        _update(found.summary, fields(message_in(record, SUMMARY)))
    if HISTORY in record:
        _add_history(fields(message_in(record, HISTORY)), found)
    if EXIT in record:
        ending = fields(message_in(record, EXIT))
        found.exit_code, found.seconds = integer_in(ending, 1), float(integer_in(ending, 2)) or None


def _add_run(run: Fields, found: RunLog) -> None:
    found.project, found.name = text_in(run, 3), text_in(run, 8) or text_in(run, 1)
    _update(found.config, fields(message_in(run, 4)))
    start = fields(message_in(run, 17))
    if start:
        found.started_at = integer_in(start, 1) + integer_in(start, 2) / 1e9


def _update(values: dict[str, object], changes: Fields) -> None:
    for item in messages_in(changes, 1):
        pair = fields(item)
        values[_key(pair)] = json.loads(text_in(pair, VALUE) or "null")
    for item in messages_in(changes, 2):
        values.pop(_key(fields(item)), None)


def _add_history(history: Fields, found: RunLog) -> None:
    step = integer_in(fields(message_in(history, 2)), 1)
    for item in messages_in(history, 1):
        pair = fields(item)
        value = json.loads(text_in(pair, VALUE) or "null")
        key = _key(pair)
        if key == "_step" and isinstance(value, int):
            step = value
    for item in messages_in(history, 1):
        pair = fields(item)
        value, key = json.loads(text_in(pair, VALUE) or "null"), _key(pair)
        number = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.get(str(value), value)
        if isinstance(number, int | float) and not isinstance(number, bool) and not key.startswith("_"):
            found.history.setdefault(key, {})[step] = float(number)


def _key(pair: Fields) -> str:
    nested = [part.decode("utf-8", "replace") for part in messages_in(pair, 2)]
    return ".".join(nested) if nested else text_in(pair, 1)
