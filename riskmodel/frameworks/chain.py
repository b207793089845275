"""The factor-chain calculation of foreign lawful access ("Rosenthal method"), whoever fills its cells.

Question answered: *how likely is a successful lawful access within a window of years, and what do point estimates in
the cells hide?* The method multiplies an expected number of relevant cases by conditional probabilities (the authority
goes by way of the provider, the legal test is met, an objection fails, clear text can be had), adds a residual, and
restates the result as years until a probability is reached (:mod:`riskmodel.frameworks.horizon`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from riskmodel.decide._shared import HIGH, LOW
from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError
from riskmodel.frameworks.horizon import QUANTILE, checked_probability, checked_quantile, checked_years, hazard_rate
from riskmodel.wording import digits, percent, years_text

__all__ = ["dependence", "lawful_access"]

NORMAL_95 = 1.6448536269514722
LIMITS = (0.01, 0.05, 0.10)

Cell = float | tuple[float, ...] | np.ndarray
"""A cell: a number; (mean, concentration) of a Beta; (5 %, 50 %, 95 %) quantiles; an array of draws."""


def lawful_access(
    factors: Mapping[str, Cell] | Sequence[Cell],
    horizon_years: float,
    *,
    cases: float | np.ndarray = 1.0,
    residual: Cell = 0.0,
    quantile: float = QUANTILE,
    limits: Sequence[float] = LIMITS,
    draws: int = 200_000,
    seed: int = 0,
) -> Finding:
    """What does the factor chain give with points in its cells, and what with distributions?

    Expected relevant cases in the window, each of which passes a chain of conditional probabilities, plus a residual:
    ``1 - (1 - residual) (1 - product of factors) ** cases``, which for rare events is cases times product plus
    residual.

    Parameters
    ----------
    factors
        Conditional probabilities in order, with names or without. A cell is a number; a pair (mean, concentration c)
        for Beta(c mean, c (1 - mean)); a triple of 5 %, 50 % and 95 % quantiles (normal on the log-odds scale, each
        side with its own spread); or an array of draws.
    horizon_years
        The window, in years.
    cases
        Expected number of relevant cases in the window, or draws of it.
    residual
        Probability of access within the window outside the chain; a cell like those of ``factors``.
    quantile
        Probability for which years are reported.
    limits
        Probabilities whose exceedance is reported.
    draws, seed
        Number of draws, and the seed.

    Returns
    -------
    Finding
        Rows ``point`` (means; medians where quantiles were given), ``independent``, ``fully dependent`` (one optimist
        or pessimist behind all cells: a bound, not a forecast), and ``as sampled`` where two or more cells are arrays
        of the same length; columns ``calculation``, ``mean``, ``error`` (Monte-Carlo standard error), ``q05``, ``q50``,
        ``q95``, one ``above_`` with each limit, ``expected_accesses`` (cases times product plus residual),
        ``years_until`` (until ``quantile``, over the mixture), ``horizon_years``. ``detail``: ``cell``, ``point``,
        ``mean``, ``q05``, ``q50``, ``q95``.

    Raises
    ------
    UsageError
        If a cell is no probability or distribution, or horizon, cases, quantile, limits or draws are impossible.

    Examples
    --------
    >>> f = lawful_access({"wants data": 0.5, "legal test met": (0.4, 20), "clear text": (0.05, 0.2, 0.5)}, 5)
    >>> float(round(f.table["mean"][0], 4))
    0.04
    """
    checked_years("horizon_years", horizon_years), checked_quantile("quantile", quantile)
    for limit in limits:
        checked_quantile("limits", limit)
    if draws < 1:
        raise UsageError(f"draws: {draws} - must be 1 or more")
    named = dict(factors) if isinstance(factors, Mapping) else {f"factor {i + 1}": c for i, c in enumerate(factors)}
    if not named:
        raise UsageError("factors: none - the chain needs at least one")
    rng = np.random.default_rng(seed)
    cells = {"cases": cases, **named, "residual": residual}
    if len(cells) < len(named) + 2:
        raise UsageError("factors: cases, residual - are cells of their own and no names of factors")
    drawn = {name: _draw(name, cell, draws, rng) for name, cell in cells.items()}
    point = {name: np.array([_point(cell)]) for name, cell in cells.items()}
    ways = {"point": point, "independent": drawn, "fully dependent": {n: np.sort(v) for n, v in drawn.items()}}
    lengths = [np.size(np.asarray(cell)) for cell in cells.values() if _is_draws(cell)]
    if len(lengths) > 1 and len(set(lengths)) == 1:
        size = lengths[0]
        ways["as sampled"] = {
            name: np.asarray(cell, float) if _is_draws(cell) else _draw(name, cell, size, rng)
            for name, cell in cells.items()
        }
    rows = []
    for way, values in ways.items():
        chain = np.prod([values[name] for name in named], axis=0)
        p = 1.0 - (1.0 - values["residual"]) * (1.0 - chain) ** values["cases"]
        expected = float((values["cases"] * chain + values["residual"]).mean())
        years = mixture_years(quantile, np.asarray(hazard_rate(np.clip(p, 0, 1), horizon_years)))
        rows.append({"calculation": way, **_summary(p, limits), "expected_accesses": expected, "years_until": years})
    table = pd.DataFrame(rows).assign(horizon_years=float(horizon_years))
    detail = pd.DataFrame(
        [{"cell": name, "point": point[name][0], **_summary(v, ())} for name, v in drawn.items()]
    ).drop(columns="error")
    mean = table.set_index("calculation")["mean"]
    text = (
        f"Over {years_text(horizon_years)}, the chain with points in every cell gives {percent(mean['point'])}; with "
        f"the distributions given it is {percent(mean['independent'])} on average if the cells are independent and "
        f"{percent(mean['fully dependent'])} if one optimist or pessimist is behind all of them."
    )
    return Finding(table, text, detail)


def dependence(
    factors: Mapping[str, float] | Sequence[float],
    concentration: float | Sequence[float] = (20.0, 5.0, 2.0),
    *,
    limits: Sequence[float] = (0.05,),
    draws: int = 400_000,
    seed: int = 0,
) -> Finding:
    """What does a product of points hide when every cell is uncertain, and when one person's mood is behind all?

    Parameters
    ----------
    factors
        Conditional probabilities, as points.
    concentration
        Of the Beta in each cell, one or several: the smaller, the less is known.
    limits, draws, seed
        As for :func:`lawful_access`.

    Returns
    -------
    Finding
        A row ``point``, then for each concentration ``independent`` and ``fully dependent`` (all cells at the same
        quantile, an extreme bound): ``calculation``, ``concentration``, ``mean``, ``error``, ``q05``, ``q50``, ``q95``,
        ``above_`` with each limit, ``ratio`` (mean / point product).

    Raises
    ------
    UsageError
        As for :func:`lawful_access`.

    Examples
    --------
    >>> table = dependence([0.5, 0.4, 0.5, 0.3, 0.2], 5).table.set_index("calculation")
    >>> float(round(table["mean"]["fully dependent"], 3))
    0.034
    """
    levels = [float(c) for c in np.atleast_1d(concentration)]
    points = list(factors.values()) if isinstance(factors, Mapping) else list(factors)
    parts: list[pd.DataFrame] = []
    for level in levels:
        cells = [(float(p), level) for p in points]
        found = lawful_access(cells, 1.0, limits=limits, draws=draws, seed=seed).table.assign(concentration=level)
        parts.append(found if not parts else found[found["calculation"] != "point"])
    table = pd.concat(parts, ignore_index=True)
    table.loc[table["calculation"] == "point", "concentration"] = np.inf
    table["ratio"] = table["mean"] / table["mean"][0]
    columns = ["calculation", "concentration", "mean", "error", "q05", "q50", "q95"]
    table = table[[*columns, *[f"above_{limit:g}" for limit in limits], "ratio"]]
    full = table[table["calculation"] == "fully dependent"]
    said = ", ".join(
        f"{percent(mean)} at concentration {level:g} ({digits(ratio)} times as high)"
        for level, mean, ratio in zip(full["concentration"], full["mean"], full["ratio"], strict=True)
    )
    text = (
        f"The product of {len(points)} points is {percent(table['mean'][0])}. Uncertainty of single cells spreads it "
        f"and leaves its mean; if one mood is behind all cells the mean is {said}. That is a bound, not a forecast."
    )
    return Finding(table, text)


def _is_draws(cell: object) -> bool:
    return not isinstance(cell, tuple) and np.asarray(cell).ndim > 0


def _point(cell: Cell) -> float:
    """The number that a spreadsheet would hold."""
    if isinstance(cell, tuple):
        return float(cell[0] if len(cell) == 2 else cell[1])
    return float(np.mean(cell))


def _draw(name: str, cell: Cell, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of a cell, checked: (size,)."""
    if isinstance(cell, tuple):
        return _distribution(name, cell, size, rng)
    values = np.asarray(cell, float)
    if name == "cases":
        if not (values.size and np.isfinite(values).all() and (values >= 0).all()):
            raise UsageError(f"cases: {cell} - must be 0 or more")
    elif not values.size or values.ndim > 1:
        raise UsageError(f"{name}: must be a number or one row of draws")
    else:
        checked_probability(name, values)
    return np.full(size, values) if values.ndim == 0 else rng.choice(values, size)


def _distribution(name: str, cell: tuple[float, ...], size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of a cell given as a Beta or by quantiles."""
    if name != "cases" and len(cell) == 2 and 0 < cell[0] < 1 and 0 < cell[1] < math.inf:
        mean, concentration = cell
        return rng.beta(concentration * mean, concentration * (1 - mean), size)
    if name != "cases" and len(cell) == 3 and 0 < cell[0] <= cell[1] <= cell[2] < 1:
        low, middle, high = np.log(cell) - np.log1p(-np.asarray(cell))
        z = rng.standard_normal(size) / NORMAL_95
        return np.asarray(1 / (1 + np.exp(-(middle + z * np.where(z > 0, high - middle, middle - low)))))
    raise UsageError(
        f"{name}: {cell} - must be a number or draws"
        if name == "cases"
        else f"{name}: {cell} - must be (mean, concentration) or (5 %, 50 %, 95 %) in order, between 0 and 1"
    )


def _summary(p: np.ndarray, limits: Iterable[float]) -> dict[str, float]:
    """Mean with its Monte-Carlo error, quantiles and exceedances."""
    low, middle, high = np.quantile(p, [LOW, 0.5, HIGH])
    spread = {"mean": p.mean(), "error": p.std() / math.sqrt(len(p)), "q05": low, "q50": middle, "q95": high}
    return {**spread, **{f"above_{limit:g}": float((p > limit).mean()) for limit in limits}}


def mixture_years(q: float, hazard: np.ndarray) -> float:
    """Years until the mean over hazards (a year) of the probability is q; infinity where it never is."""
    if (hazard > 0).mean() <= q:
        return math.inf
    distinct, counts = np.unique(hazard, return_counts=True)
    share = counts / len(hazard)
    return years_at(lambda years: float((share * -np.expm1(-distinct * years)).sum()), q)


def years_at(probability: Callable[[float], float], q: float) -> float:
    """Years at which a rising probability passes q, by bisection of their logarithm to base 10."""
    low, high = -9.0, 15.0
    if probability(10**high) < q:
        return math.inf
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if probability(10**middle) >= q else (middle, high)
    return float(10 ** ((low + high) / 2))
