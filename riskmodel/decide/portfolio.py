"""Many institutions at few providers: what they share makes their disclosures come together."""

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
WORST = 0.9
"""The worst tenth of worlds lies above this share of them."""


def aggregate(x: xr.Dataset, portfolios: Mapping[str, Mapping[str, float]] | pd.DataFrame) -> Finding:
    """How many of many institutions see a disclosure, and does it matter whether they share a provider?

    Institutions with one setup, or with setups at one provider, share the hazard, the reading of the keys and every
    settled question: in a world the law reaches all of them or none. Given the world, disclosures at one institution
    say nothing about another: with hazard H_s of setup s and n_s institutions, at least one sees a disclosure with
    probability 1 - exp(-sum n_s H_s), and the expected number of institutions is sum n_s (1 - exp(-H_s)).

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
        ``horizon_years``) with its Monte-Carlo standard error ``probability_any_error``, ``any_if_independent`` (the
        same if every institution had a world and parameters of its own), ``expected`` (number of institutions with a
        disclosure, settled unknowns integrated exactly) with ``expected_error``; over worlds and parameters
        ``number_low``, ``number_high`` (90 % equal-tailed interval of the number expected in a world),
        ``worst_decile`` (its mean in the worst tenth of them) and ``number_if_any`` (given at least one). Detail: one
        row a portfolio and setup with ``label``, ``host``, ``institutions``, ``probability``, ``expected``, ``share``
        of the expected number. Errors take samples as independent.

    Raises
    ------
    UsageError
        If there is no portfolio, a setup was not scored, or a number is not a whole number of 1 or more.

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
    """One portfolio: numbers over worlds, settled unknowns integrated out where that is exact."""
    part = x.sel(setup=list(mine["setup"]))
    count = mine["institutions"].to_numpy()
    exact, world = (part[key].transpose("sample", "setup").values for key in ("probability", "world_probability"))
    with np.errstate(divide="ignore"):
        hazard = -np.log1p(-world)
    at_least_one = -np.expm1(-hazard @ count)
    integrated, number = exact @ count, world @ count
    chance, root = float(at_least_one.mean()), np.sqrt(len(number))
    by_host = mine.groupby("host")["institutions"].sum()
    return {
        "portfolio": name,
        "institutions": int(count.sum()),
        "hosts": len(by_host),
        "largest_share": float(by_host.max() / count.sum()),
        "probability_any": chance,
        "probability_any_error": float(at_least_one.std() / root),
        "any_if_independent": float(-np.expm1(np.log1p(-exact.mean(axis=0)) @ count)),
        "expected": float(integrated.mean()),
        "expected_error": float(integrated.std() / root),
        "number_low": float(np.quantile(number, LOW)),
        "number_high": float(np.quantile(number, HIGH)),
        "worst_decile": float(np.sort(number)[int(WORST * len(number)) :].mean()),
        "number_if_any": float(number.mean()) / chance if chance else float("nan"),
    }


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
        "Sharing a host changes no expected number: it is rarer that any institution is hit, and then more of them are."
    )
    return " ".join([*said, last])
