"""What decisions share: names that must be known, what counts as practically equal, ratios of two setups."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np
import xarray as xr

from riskmodel.errors import UsageError, shown
from riskmodel.wording import INTERVAL

__all__ = ["EQUAL_FACTOR", "HIGH", "LOW", "at_least_one", "known_setups", "quotient", "ratios", "unknown"]

LOW, HIGH = (1 - INTERVAL) / 2, (1 + INTERVAL) / 2
EQUAL_FACTOR = 1.25
"""Two probabilities within this factor are practically equal, unless the caller says otherwise."""


def unknown(what: str, missing: Iterable[object], known: Iterable[object]) -> UsageError:
    """Return the error of names that are not there: the nearest names of each, and all that are known.

    >>> print(unknown("setup", ["hdh_azur"], ["HDH_AZURE", "SNDS_CNAM"]))
    unknown setup hdh_azur (did you mean HDH_AZURE?); known: HDH_AZURE, SNDS_CNAM
    """
    names = [str(name) for name in known]
    folded = {name.upper(): name for name in names}

    def near(name: object) -> str:
        found = [folded[n] for n in difflib.get_close_matches(str(name).upper(), folded, n=3, cutoff=0.65)]
        return f" (did you mean {' or '.join(found)}?)" if found else ""

    said = ", ".join(f"{shown(name)}{near(name)}" for name in dict.fromkeys(missing))
    return UsageError(f"unknown {what} {said}; known: {', '.join(names) or 'none'}")


def known_setups(x: xr.Dataset, *names: str) -> None:
    """Raise a UsageError that lists setups which were not scored, with the nearest names of each."""
    scored = [str(s) for s in x["setup"].values]
    if missing := [name for name in names if name not in scored]:
        raise unknown("setup", missing, scored)


def at_least_one(equal_factor: float) -> None:
    """Raise a UsageError if a factor of practical equality is no number of 1 or more."""
    if not 1 <= equal_factor < np.inf:
        raise UsageError(f"equal_factor: {equal_factor} - must be 1 or more")


def quotient(left: float, right: float) -> float:
    """Ratio of two numbers that are not negative; 0 to 0 is 1, anything else to 0 is infinite."""
    return float(left / right) if right else float("inf") if left else 1.0


def ratios(left: np.ndarray, right: np.ndarray, equal_factor: float) -> dict[str, float]:
    """Median and interval of the ratio, and probabilities of below, equal, above; 0 against 0 is equal."""
    both_zero = (left == 0) & (right == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(both_zero, 1.0, left / right)
    finite = np.quantile(ratio, [LOW, 0.5, HIGH], method="inverted_cdf")
    return {
        "ratio": float(finite[1]),
        "ratio_low": float(finite[0]),
        "ratio_high": float(finite[2]),
        "lower": float((ratio < 1 / equal_factor).mean()),
        "equal": float(((ratio >= 1 / equal_factor) & (ratio <= equal_factor)).mean()),
        "higher": float((ratio > equal_factor).mean()),
    }
