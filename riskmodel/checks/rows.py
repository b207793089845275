"""Rows of a checks table: (check, value, threshold, verdict, meaning), for reports and tests alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["Row", "passed", "row"]

Row = dict[str, Any]


def row(check: str, value: float, threshold: str, good: bool, meaning: str) -> Row:
    """Return one line of a checks table."""
    return {
        "check": check,
        "value": value,
        "threshold": threshold,
        "verdict": "pass" if good else "fail",
        "meaning": meaning,
    }


def passed(rows: Iterable[Row]) -> bool:
    """Whether every check passes."""
    return all(r["verdict"] == "pass" for r in rows)
