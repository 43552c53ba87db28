"""Levels as a frame and the claims about it write them: numpy's numbers are numbers, dates and durations are text."""

import datetime as dt
import decimal
import math
from typing import Final

import numpy as np
import pandas as pd

from sweeper.designs.levels import Level

DATES: Final = (dt.date, np.datetime64)  # pandas' timestamps are dates of the standard library
DURATIONS: Final = (dt.timedelta, np.timedelta64)
RANGES: Final = (pd.Interval, pd.Period)


def plain_level(value: object) -> object:
    """Return a value as a number or text where numpy, pandas or the standard library has a type of its own for it.

    Dates read as ``2024-01-31``, with the time if there is one, whatever type they have; missing ones are null.
    """
    if isinstance(value, (*DATES, *DURATIONS)) and value != value:  # noqa: PLR0124 - only NaT is unequal to itself
        return None
    if isinstance(value, DATES):
        return pd.Timestamp(value).isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, DURATIONS):
        return str(pd.Timedelta(value))
    if isinstance(value, RANGES):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value.item() if isinstance(value, np.generic) else value


def column_levels(column: pd.Series) -> list[Level]:
    """Return the levels in a column; what is missing is null, and numbers have the digits of the column's type."""
    narrow = narrow_type(column)
    values = zip(column.tolist(), column.isna().tolist(), strict=True)
    return [None if missing else as_level(value, narrow) for value, missing in values]


def as_level(value: object, narrow: type[np.floating] | None = None) -> Level:
    """Return a value as a level: what is no JSON value is its text, what is missing is null, tuples are lists.

    Args:
        narrow: the type of the column that it is in or named for, if its numbers have fewer digits than usual.
    """
    value = plain_level(value)
    if narrow is not None and isinstance(value, float):
        value = float(str(narrow(value)))
    if value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, list | tuple | np.ndarray | dict):
        return _item(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _item(value: object) -> object:
    """Return what a level holds with lists for tuples and arrays; what is no JSON value stays, and is no level."""
    if isinstance(value, list | tuple | np.ndarray):
        return [_item(each) for each in value]
    if isinstance(value, dict):
        return {key: _item(each) for key, each in value.items()}
    return plain_level(value)


def narrow_type(column: pd.Series) -> type[np.floating] | None:
    """Return the type of a column whose numbers have fewer digits than usual, in which 0.1 is 0.10000000149; else None.

    Such a level is the shortest number that the column would hold as it.
    """
    kind = getattr(column.dtype, "categories", column).dtype
    kind = getattr(kind, "numpy_dtype", kind)  # of pandas' and Arrow's own types
    is_narrow = isinstance(kind, np.dtype) and kind.kind == "f" and kind.itemsize < np.dtype(float).itemsize
    return kind.type if is_narrow else None
