"""Rows of tables as plain records, and their dates as intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["CONFIDENCES", "Record", "Span", "dated", "records", "span", "split"]

CONFIDENCES = ("high", "medium", "low")
MONTHS = {"month": 1, "quarter": 3, "half": 6, "year": 12}
"""Length of the interval that a date of some precision begins."""
DAY = pd.Timedelta(days=1)

Record = dict[str, Any]
Span = tuple[pd.Timestamp, pd.Timestamp]
"""First day that a date may be, and first day that is too late for it."""


def records(table: pd.DataFrame) -> list[Record]:
    """Rows as dictionaries with None for every missing cell."""
    columns = [
        [None if missing else value for value, missing in zip(cells.tolist(), cells.isna(), strict=True)]
        for _, cells in table.items()
    ]
    return [dict(zip(table.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def split(value: object) -> list[str]:
    """Elements of a list-valued cell; empty and missing cells have none."""
    return [] if value is None or value != value else [part for part in str(value).split(";") if part]


def span(row: Record, name: str) -> Span | None:
    """The interval of a date as its precision says, None where there is no date."""
    day, months = row[name], MONTHS.get(row[f"{name}_precision"])
    return (day, day + (pd.DateOffset(months=months) if months else DAY)) if day else None


def dated(row: Record, name: str) -> pd.Timestamp | None:
    """The day of a date; the middle of its interval where only the month, quarter, half-year or year is known."""
    known = span(row, name)
    return (known[0] + (known[1] - known[0]) / 2).normalize() if known else None
