"""Many institutions at few providers: what they share makes their disclosures come together.

Source of the weights: Deville and Särndal, Calibration estimators in survey sampling, JASA 87 (1992), 376-382; with
their raking distance the weights stay positive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide._shared import HIGH, LOW, known_setups
from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError, shown
from riskmodel.wording import Probability, digits, percent, share_text

__all__ = ["aggregate"]

COLUMNS = ("portfolio", "setup", "institutions")
WORST = 0.1
"""Share of the worlds that the worst tenth is."""
STEPS = 60
"""Halvings in the search for the strength of the weights: more than a double-precision number has digits."""


def aggregate(x: xr.Dataset, portfolios: Mapping[str, Mapping[str, float]] | pd.DataFrame) -> Finding:
    """How many of many institutions see a disclosure, and does it matter whether they share a provider?

    Institutions with one setup, or with setups at one provider, share the hazard, the reading of the keys and every
    settled question: in a world the law reaches all of them or none. Given the world, disclosures at one institution
    say nothing about another: with hazard H_s of setup s and n_s institutions, at least one sees a disclosure with
    probability 1 - exp(-sum n_s H_s), and the expected number of institutions is sum n_s (1 - exp(-H_s)).

    The mean of that number is known better than the drawn worlds know it, for settled unknowns can be integrated
    exactly for each setup. So the worlds are weighted, as little as possible, until their mean number is the exact
    one (calibration), and every other number is taken from the weighted worlds. Hence ``expected`` is
    ``probability_any`` times ``number_if_any``, and a tenth of ``worst_decile`` is at most ``expected``, exactly.

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`; every sample carries one world, the same for all setups.
    portfolios
        Name -> setup id -> number of institutions, or rows ``portfolio``, ``setup``, ``institutions``. Portfolios of
        different hosts differ in level too; to see concentration alone, score the hosts at equal terms, and read
        ``any_if_independent``.

    Returns
    -------
    Finding
        One row a portfolio: ``institutions``, ``hosts`` (distinct providers; one that is open counts as one),
        ``largest_share`` (of institutions at the largest host), ``probability_any`` (at least one institution, over
        ``horizon_years``) with its Monte-Carlo standard error ``probability_any_error`` (linearised),
        ``any_if_independent`` (the same if every institution had a world and parameters of its own), ``expected``
        (number of institutions with a disclosure, settled unknowns integrated exactly) with ``expected_error``;
        ``expected_in_draws`` (the same from the drawn worlds before they are weighted: how far the weights had to go);
        over worlds and parameters ``number_low``, ``number_high`` (90 % equal-tailed interval of the number expected
        in a world), ``worst_decile`` (its mean in the worst tenth of them) and ``number_if_any`` (given at least one).
        Detail: one row a portfolio and setup with ``label``, ``host``, ``institutions``, ``probability``,
        ``expected``, ``share`` of the expected number. Errors take samples as independent.

    Raises
    ------
    UsageError
        If there is no portfolio, a setup was not scored, a number is not a whole number of 1 or more, or the drawn
        worlds all lie above or all below the exact mean (far too few samples).

    Examples
    --------
    >>> import riskmodel as rm
    >>> x = rm.exposure(rm.load_posterior(), rm.read_study(), by_regime=False)
    >>> found = aggregate(x, {"one": {"HDH_AZURE": 100}, "two": {"HDH_AZURE": 50, "HDH_ALT_OVH": 50}}).table
    >>> found["hosts"].tolist(), found["largest_share"].tolist()
    ([1, 2], [1.0, 0.5])
    """
    rows = _rows(portfolios)
    known_setups(x, *rows["setup"])
    hosts, years = _hosts(x), x.attrs["horizon_years"]
    mean = x["probability"].mean("sample").to_series()
    rows.insert(2, "label", rows["setup"].map(x["label"].to_series()))
    rows.insert(3, "host", rows["setup"].map(hosts))
    rows["probability"] = rows["setup"].map(mean)
    rows["expected"] = rows["institutions"] * rows["probability"]
    rows["share"] = rows["expected"] / rows.groupby("portfolio")["expected"].transform("sum")
    each = [_together(x, name, mine) for name, mine in rows.groupby("portfolio", sort=False)]
    table = pd.DataFrame(each).assign(horizon_years=years)
    return Finding(table, _says(table), rows)


def _rows(portfolios: Mapping[str, Mapping[str, float]] | pd.DataFrame) -> pd.DataFrame:
    """Portfolios as rows, a setup once in each; checked."""
    if isinstance(portfolios, pd.DataFrame):
        if missing := [name for name in COLUMNS if name not in portfolios]:
            raise UsageError(f"portfolios: lacks {', '.join(missing)} - must have columns {', '.join(COLUMNS)}")
        rows = portfolios[list(COLUMNS)]
    else:
        if empty := [shown(name) for name, part in portfolios.items() if not (isinstance(part, Mapping) and part)]:
            raise UsageError(f"portfolios: {', '.join(empty)} - must map one setup or more to numbers of institutions")
        flat = [(name, setup, number) for name, part in portfolios.items() for setup, number in part.items()]
        rows = pd.DataFrame(flat, columns=list(COLUMNS))
    if rows.empty:
        raise UsageError("portfolios: none - must be at least one")
    number = pd.to_numeric(rows["institutions"], errors="coerce")
    if (wrong := ~((number >= 1) & (number % 1 == 0))).any():
        name, setup, value = (shown(cell) for cell in rows[wrong].iloc[0])
        raise UsageError(f"portfolios, {name}, {setup}: {value} - must be a whole number of institutions, 1 or more")
    return rows.assign(institutions=number.astype(int)).groupby(list(COLUMNS[:2]), sort=False).sum().reset_index()


def _hosts(x: xr.Dataset) -> dict[str, str]:
    """Provider of each setup; the setup's own id where its provider is open."""
    pairs = pd.DataFrame({"setup": x["reading_setup"].values, "host": x["reading_provider"].values}).drop_duplicates()
    return {str(s): str(h.iloc[0]) if len(h) == 1 else str(s) for s, h in pairs.groupby("setup")["host"]}


def _together(x: xr.Dataset, name: object, mine: pd.DataFrame) -> dict[str, Any]:
    """One portfolio: numbers over worlds that are weighted to the exact mean."""
    part = x.sel(setup=list(mine["setup"]))
    count = mine["institutions"].to_numpy()
    exact, world = (part[key].transpose("sample", "setup").values for key in ("probability", "world_probability"))
    with np.errstate(divide="ignore"):
        hazard = -np.log1p(-world)
    at_least_one = -np.expm1(-hazard @ count)
    integrated, number, root = exact @ count, world @ count, np.sqrt(len(world))
    expected = float(integrated.mean())
    weights = _weights(number, expected, name)
    chance = float(weights @ at_least_one)
    off = number - expected
    slope = weights @ (at_least_one * off) / max(weights @ off**2, np.finfo(float).tiny)
    low, high = np.quantile(number, [LOW, HIGH], weights=weights, method="inverted_cdf")
    by_host = mine.groupby("host")["institutions"].sum()
    return {
        "portfolio": name,
        "institutions": int(count.sum()),
        "hosts": len(by_host),
        "largest_share": float(by_host.max() / count.sum()),
        "probability_any": chance,
        "probability_any_error": float((at_least_one - slope * (number - integrated)).std() / root),
        "any_if_independent": float(-np.expm1(np.log1p(-exact.mean(axis=0)) @ count)),
        "expected": expected,
        "expected_error": float(integrated.std() / root),
        "expected_in_draws": float(number.mean()),
        "number_low": float(low),
        "number_high": float(high),
        "worst_decile": _worst(number, weights),
        "number_if_any": expected / chance if chance else float("nan"),
    }


def _weights(number: np.ndarray, mean: float, name: object) -> np.ndarray:
    """Weights of samples, adding up to 1, that make ``mean`` the mean of ``number`` (1-D) and are nearest to equal.

    Nearest in relative entropy, so that they are exponential in the number and never negative.
    """
    if np.isclose(number.mean(), mean, rtol=1e-12, atol=0):
        return np.full(len(number), 1 / len(number))
    if not number.min() < mean < number.max():
        raise UsageError(
            f"portfolios, {shown(name)}: {len(number)} samples - must be more to have worlds on both sides"
        )
    scaled = number / number.max()

    def tilted(strength: float) -> np.ndarray:
        exponent = strength * scaled
        weights = np.exp(exponent - exponent.max())
        return np.asarray(weights / weights.sum())

    low, high = -1.0, 1.0
    while tilted(low) @ number > mean:
        low *= 2
    while tilted(high) @ number < mean:
        high *= 2
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if tilted(middle) @ number < mean else (low, middle)
    return tilted((low + high) / 2)


def _worst(number: np.ndarray, weights: np.ndarray) -> float:
    """Mean of a number in the worst tenth of the weight; of the sample at its border only what belongs to it."""
    order = np.argsort(number)[::-1]
    before = np.concatenate([[0.0], np.cumsum(weights[order])[:-1]])
    inside = np.clip(WORST - before, 0.0, weights[order])
    return float(inside @ number[order] / inside.sum())


def _says(table: pd.DataFrame) -> str:
    """What the table permits: the most and the least concentrated portfolio, and what sharing does."""
    most, least = (int(place) for place in (table["largest_share"].argmax(), table["largest_share"].argmin()))
    picked = table.iloc[[most, least] if most != least else list(range(min(2, len(table))))]
    said = [
        f"{row['portfolio']} ({row['institutions']} institutions, "
        f"{'all at one host' if row['hosts'] == 1 else share_text(row['largest_share']) + ' at the largest host'}): "
        f"at least one sees a disclosure with probability "
        f"{Probability(row['probability_any'], row['horizon_years'])}, Monte-Carlo standard error "
        f"{percent(row['probability_any_error'])}, and not {percent(row['any_if_independent'])} as if nothing were "
        f"shared; {digits(row['expected'])} are expected, {digits(row['number_if_any'])} if there is any, "
        f"{digits(row['worst_decile'])} in the worst tenth of worlds."
        for row in picked.to_dict("records")
    ]
    last = (
        "Sharing a host changes no expected number: it is rarer that any institution is hit, and then more of them "
        "are. The drawn worlds are weighted to the exact expected number, so that the figures fit one another."
    )
    return " ".join([*said, last])
