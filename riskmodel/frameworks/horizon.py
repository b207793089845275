"""Probabilities and their horizons: one number in many shapes, and whether two of them agree.

Question answered: *which rate, probability a year and years until 90 % is a published "p within T years", and can two
such statements both be true?* At a constant hazard

    rate = -ln(1 - p) / T        N_q = T ln(1 - q) / ln(1 - p)
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError, shown
from riskmodel.wording import digits, years_text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from riskmodel.study import Study

__all__ = ["annual_probability", "hazard_rate", "horizon_consistency", "published", "years_until"]

QUANTILE = 0.90
"""The probability for which the method reports years."""
CHECKED = ["consistent", "years_implied", "ratio"]


def checked_probability(name: str, value: ArrayLike) -> np.ndarray:
    """A checked probability, 0 and 1 included."""
    array = np.asarray(value, float)
    if not ((array >= 0) & (array <= 1)).all():
        raise UsageError(f"{name}: {shown(value)} - must be between 0 and 1")
    return array


def checked_years(name: str, value: ArrayLike) -> np.ndarray:
    """A checked number of years."""
    array = np.asarray(value, float)
    if not (np.isfinite(array) & (array > 0)).all():
        raise UsageError(f"{name}: {shown(value)} - must be more than 0 years")
    return array


def checked_quantile(name: str, value: ArrayLike) -> np.ndarray:
    """A checked probability, strictly between 0 and 1."""
    array = np.asarray(value, float)
    if not ((array > 0) & (array < 1)).all():
        raise UsageError(f"{name}: {shown(value)} - must be above 0 and below 1")
    return array


def hazard_rate(p: ArrayLike, horizon_years: ArrayLike) -> Any:
    """Which constant rate, in accesses a year, gives probability ``p`` of at least one within the horizon?

    Parameters
    ----------
    p
        Probability or array of them; 1 gives infinity.
    horizon_years
        Years, or an array that fits to ``p``.

    Raises
    ------
    UsageError
        If a probability is outside 0 to 1 or a horizon is not positive.

    Examples
    --------
    >>> round(hazard_rate(0.0252, 5), 7)
    0.0051046
    """
    chance, years = checked_probability("p", p), checked_years("horizon_years", horizon_years)
    with np.errstate(divide="ignore"):
        rate = -np.log1p(-chance) / years + 0.0  # + 0.0: no negative zero
    return _plain(rate)


def annual_probability(p: ArrayLike, horizon_years: ArrayLike) -> Any:
    """Which probability within one year is the same constant hazard as ``p`` within the horizon?

    Raises
    ------
    UsageError
        As for :func:`hazard_rate`.

    Examples
    --------
    >>> round(annual_probability(0.10, 5), 5)
    0.02085
    """
    return _plain(-np.expm1(-np.asarray(hazard_rate(p, horizon_years))) + 0.0)


def years_until(q: ArrayLike, p: ArrayLike, horizon_years: ArrayLike) -> Any:
    """After how many years is at least one access likely with probability ``q``, at the hazard of ``p`` in the horizon?

    Returns
    -------
    float or numpy.ndarray
        Years; infinity where ``p`` is 0.

    Raises
    ------
    UsageError
        As for :func:`hazard_rate`, or if ``q`` is not strictly between 0 and 1.

    Examples
    --------
    >>> round(years_until(0.90, 0.0252, 5)), years_until(0.90, 0.0, 5)
    (451, inf)
    """
    rate = np.asarray(hazard_rate(p, horizon_years))
    with np.errstate(divide="ignore"):
        return _plain(-np.log1p(-checked_quantile("q", q)) / rate)


def _plain(value: np.ndarray) -> Any:
    return float(value) if np.ndim(value) == 0 else value


def horizon_consistency(
    p: float, horizon_years: float, q: float, years: float, rounding: tuple[float, float] | None = None
) -> Finding:
    """Can "p within T years" and "with probability q after N years" both be true of one constant hazard?

    Parameters
    ----------
    p, horizon_years
        The first statement.
    q, years
        The second.
    rounding
        Half a unit of the last printed digit of ``p`` and of ``years``; default: as the two numbers are written
        (0.0252 stands for 0.02515 to 0.02525, 903 for 902.5 to 903.5), a probability at least to the per cent.

    Returns
    -------
    Finding
        One row: ``probability``, ``horizon_years``, ``quantile``, ``years``; ``consistent``; ``years_implied`` (by the
        first statement) with ``years_implied_low`` and ``years_implied_high`` (what rounding allows); ``ratio`` (years
        stated / implied); what would make them agree: ``horizon_implied`` (years, for the same p) or ``p_implied`` (in
        the same horizon).

    Raises
    ------
    UsageError
        If a probability or a number of years is impossible.

    Examples
    --------
    >>> bool(horizon_consistency(0.0252, 5, 0.90, 903).table["consistent"][0])
    False
    """
    (
        checked_probability("p", p),
        checked_years("horizon_years", horizon_years),
        checked_quantile("q", q),
        checked_years("years", years),
    )
    half_p, half_years = (_half_unit(p, 2), _half_unit(years, 0)) if rounding is None else rounding
    if not (half_p >= 0 and half_years >= 0):
        raise UsageError(f"rounding: {rounding} - must be two numbers of 0 or more")
    implied = years_until(q, p, horizon_years)
    low = years_until(q, min(p + half_p, 1.0), horizon_years)
    high = years_until(q, max(p - half_p, 0.0), horizon_years)
    slack = 1 + 1e-9
    consistent = low <= (years + half_years) * slack and high * slack >= years - half_years
    horizon = math.log1p(-p) / math.log1p(-q) * years if p < 1 else math.inf
    row = {
        "probability": p,
        "horizon_years": horizon_years,
        "quantile": q,
        "years": years,
        "consistent": consistent,
        "years_implied": implied,
        "years_implied_low": low,
        "years_implied_high": high,
        "ratio": years / implied if implied > 0 else math.inf,
        "horizon_implied": horizon,
        "p_implied": -math.expm1(horizon_years / years * math.log1p(-q)),
    }
    first = f"{figure(p)} within {years_text(horizon_years)} means {figure(q)} after {in_years(implied)}"
    if consistent:
        text = f"{first}, which agrees with {in_years(years)} as far as the figures are rounded."
    else:
        text = (
            f"{first}, not after {in_years(years)} ({digits(row['ratio'])} times as long): both cannot be true of one "
            f"hazard. They would agree for a window of {in_years(horizon)}, or for {figure(row['p_implied'])} within "
            f"{years_text(horizon_years)}."
        )
    return Finding(pd.DataFrame([row]), text)


def _half_unit(value: float, decimals: int) -> float:
    """Half a unit of the last digit of a number as it is written, with so many decimals at least.

    >>> _half_unit(903, 0), _half_unit(0.0252, 2), _half_unit(0.1, 2)
    (0.5, 5e-05, 0.005)
    """
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return float(Decimal(5).scaleb(min(int(exponent), -decimals) - 1))


def figure(value: float) -> str:
    """A published percentage with the three digits that such figures have at most."""
    return f"{_trimmed(digits(100 * value, 3))} %"


def _trimmed(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def in_years(value: float, significant: int = 3) -> str:
    """A number of years in words."""
    if math.isinf(value):
        return "no number of years"
    number = _trimmed(digits(value, significant))
    return f"{number} year" if number == "1" else f"{number} years"


def published(study: Study) -> Finding:
    """What do published probabilities mean by the year, and do their statements agree?

    Returns
    -------
    Finding
        One row of ``data/published_probabilities.csv`` each: ``id``, ``name``, ``kind`` (result, tolerance),
        ``probability`` within ``horizon_years``, ``annual_probability``, ``rate`` (a year), ``years_to_90``; the second
        statement ``quantile`` and ``years_to_quantile`` where there is one, with ``consistent`` (missing where there is
        none), ``years_implied``, ``ratio``; ``source_ids``, ``remark``.
    """
    given = study["published_probabilities"]
    table = given[["id", "name", "kind", "probability", "horizon_years"]].copy()
    p, horizon = table["probability"], table["horizon_years"]
    table["annual_probability"] = annual_probability(p, horizon)
    table["rate"] = hazard_rate(p, horizon)
    table["years_to_90"] = years_until(QUANTILE, p, horizon)
    second = given[["quantile", "years_to_quantile"]]
    table[second.columns] = second
    checks = {i: horizon_consistency(p[i], horizon[i], *second.loc[i]) for i in table.index[second.notna().all(axis=1)]}
    said = pd.DataFrame({i: c.table.iloc[0] for i, c in checks.items()}, index=CHECKED).T.reindex(table.index)
    table["consistent"] = said["consistent"].astype("boolean")
    table[["years_implied", "ratio"]] = said[["years_implied", "ratio"]].astype(float)
    table[["source_ids", "remark"]] = given[["source_ids", "remark"]]
    results = table[table["kind"] == "result"]["probability"]
    spans = " or ".join(years_text(t) for t in sorted(set(table.loc[results.index, "horizon_years"])))
    text = (
        f"{len(results)} published results lie between {figure(results.min())} and {figure(results.max())} ({spans})."
    )
    wrong = [f"{table['name'][i]}: {c.text}" for i, c in checks.items() if not c.table["consistent"][0]]
    return Finding(table, " ".join([text, *wrong]))
