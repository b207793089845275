"""The half-yearly grid on which reporting periods and customer numbers are placed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["HALF_YEARS", "exposure_years", "half_year_ages", "log_index_at", "seat_index"]

HALF_YEARS = tuple(f"{year}H{half}" for year in range(2013, 2027) for half in (1, 2))
MIDDLE = [pd.Timestamp(f"{h[:4]}-{'04' if h[-1] == '1' else '10'}-01") for h in HALF_YEARS]
ORIGIN = pd.Timestamp("2013-01-01")


def exposure_years(table: pd.DataFrame) -> np.ndarray:
    """Years of each row's stretch [period_from, period_to] that fall in each half-year: (row, half_year)."""
    edges = [pd.Timestamp(int(h[:4]), 1 if h[-1] == "1" else 7, 1) for h in HALF_YEARS]
    edges.append(pd.Timestamp(int(HALF_YEARS[-1][:4]) + 1, 1, 1))
    rows = [
        [(min(b, end + pd.Timedelta(days=1)) - max(a, start)).days for a, b in pairwise(edges)]
        for start, end in zip(table["period_from"], table["period_to"], strict=True)
    ]
    return np.clip(np.array(rows, dtype=float).reshape(len(table), len(HALF_YEARS)), 0, None) / 365.25


def half_year_ages(study: Study) -> np.ndarray:
    """Years from the middle of each half-year to the study's date: (half_year,), never negative."""
    days = [(pd.Timestamp(study.as_of) - middle).days for middle in MIDDLE]
    return np.clip(np.array(days, dtype=float), 0.0, None) / 365.25


def _seats(study: Study) -> tuple[np.ndarray, np.ndarray]:
    table = study["customers"]
    usable = table["quantity"].isin(["paid_seats", "paid_seats_estimate", "monthly_active_users"]) & (
        table["use"] == "yes"
    )
    table = table[usable & (table["entity_id"] == "microsoft")].sort_values(["as_of", "value_low"])
    known = (table["as_of"] - ORIGIN).dt.days.to_numpy(dtype=float)
    return known, np.log(table["value_low"].to_numpy(dtype=float))


def log_index_at(study: Study, days: pd.Series) -> np.ndarray:
    """Log of published commercial seats (users before 2020) at given days, relative to the last published one.

    Zero, a market that does not grow, where a study publishes no seats.
    """
    known, logs = _seats(study)
    if not len(known):
        return np.zeros(len(days))
    asked = (days - ORIGIN).dt.days.to_numpy(dtype=float)
    return np.asarray(np.interp(asked, known, logs) - logs[-1])


def seat_index(study: Study) -> np.ndarray:
    """The index of :func:`log_index_at` in the middle of every half-year: (half_year,)."""
    return log_index_at(study, pd.Series(MIDDLE))
