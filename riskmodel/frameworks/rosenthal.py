"""The factor-chain calculation of foreign lawful access ("Rosenthal method"), and what its cells become with us.

Question answered: *how likely is a successful lawful access within a window of years, when would it be 90 % likely, and
what do point estimates in the cells hide?* The method multiplies an expected number of relevant cases by conditional
probabilities (the authority goes by way of the provider, the legal test is met, an objection fails, clear text can be
had), adds a residual, and restates the result as years until a probability is reached
(:mod:`riskmodel.frameworks.horizon`). Years until a probability make sense for a hazard: a setup that a foreign law
reaches with probability rho only never gets beyond rho, however long one waits. :func:`rosenthal` shows both.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide.finding import Finding
from riskmodel.draws import Draws, authority_cells, contract_cells, custody_factor, rates
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.exposure import exposure, thinned
from riskmodel.frameworks.horizon import (
    QUANTILE,
    annual_probability,
    checked_probability,
    checked_quantile,
    checked_years,
    hazard_rate,
    horizon_consistency,
    in_years,
    published,
    years_until,
)
from riskmodel.nexus import Programme, SetupFacts, foreign_programmes, setup_facts, split
from riskmodel.wording import INTERVAL, digits, percent, share_text, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["annual_probability", "dependence", "hazard_rate", "horizon_consistency", "lawful_access", "published"]
__all__ += ["rosenthal", "years_until"]

LOW, HIGH = (1 - INTERVAL) / 2, (1 + INTERVAL) / 2
NORMAL_95 = 1.6448536269514722
LIMITS = (0.01, 0.05, 0.10)
SHOWN_SHARE = 0.01
"""Laws that carry less of the expected disclosures are calculated with, but not listed."""

STEPS = {
    "demands": ("demands a year for content of a customer like this, were all of it readable", "transparency"),
    "in force": ("share of the horizon in which the authority can be used", "regimes; elicitation: authority_used"),
    "law reaches": ("the law binds someone who can produce the data", "regimes; route_map; elicitation: reach"),
    "clear text": ("the content can be produced in clear", "elicitation: clear_text"),
    "terms": ("contract terms do not defeat the demand", "contract_terms; elicitation: demand_defeated"),
}
"""Step of the chain -> (what it is, where its numbers stand)."""
TINY = 1e-30
"""A hazard a year that is as good as none."""
ROUNDS, CLOSE, SLOPE = 12, 0.7, 0.05
"""Steps to find a multiple of the hazard; a step small enough to be the last (log); least slope that is believed."""

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
        years = _mixture_years(quantile, np.asarray(hazard_rate(np.clip(p, 0, 1), horizon_years)))
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


def _mixture_years(q: float, hazard: np.ndarray) -> float:
    """Years until the mean over hazards (a year) of the probability is q; infinity where it never is."""
    if (hazard > 0).mean() <= q:
        return math.inf
    distinct, counts = np.unique(hazard, return_counts=True)
    share = counts / len(hazard)
    return _solve(lambda years: float((share * -np.expm1(-distinct * years)).sum()), q)


def _solve(probability: Callable[[float], float], q: float, low: float = -9.0, high: float = 15.0) -> float:
    """Years at which a rising probability passes q, by bisection of their logarithm to base 10."""
    if probability(10**high) < q:
        return math.inf
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if probability(10**middle) >= q else (middle, high)
    return float(10 ** ((low + high) / 2))


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


def rosenthal(
    posterior: Posterior,
    study: Study,
    setup: str,
    *,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
    quantile: float = QUANTILE,
) -> Finding:
    """What does the factor chain give for a setup of ours, with our posterior in every cell?

    One chain for each foreign law, as the method has one sheet a country: demands a year, the authority is in force,
    the law reaches, clear text can be produced, contract terms do not defeat the demand. Hazards of the laws add up.
    The chain takes reach for a factor like the others; it is settled one way or the other, which the last row heeds.

    Parameters
    ----------
    posterior, study, horizon_years, setups, home, start
        As for :func:`riskmodel.exposure`.
    setup
        Setup id.
    quantile
        Probability for which years are reported.

    Returns
    -------
    Finding
        Rows ``product of medians``, ``product of means``, ``posterior in the chain`` and ``posterior, reach settled``
        (the probability of :func:`riskmodel.exposure`); columns ``calculation``, ``probability`` over
        ``horizon_years`` with ``probability_low`` and ``probability_high`` (90 % equal-tailed over parameters),
        ``years_method`` (until ``quantile``, as the method restates its probability), ``years_given_reach`` (until the
        probability where some law reaches is ``quantile``, parameters unknown) with ``years_low`` and ``years_high``
        (90 % equal-tailed: the same if the parameters were known), ``years_setup`` (of the setup: infinite where
        ``reach_any`` is below ``quantile``), ``reach_any``, ``quantile``. Years beyond the horizon suppose that hazards
        stay as they are on average in it. ``detail``: for each law that carries 1 % or more, ``regime``, ``law``,
        ``step``, ``meaning``, ``median``, ``mean``, ``q05``, ``q95``, ``rests_on``, ``source_ids``. Cells of a setup
        that may run at several providers are averages over them.

    Raises
    ------
    UsageError
        If there is no such setup, or horizon or quantile are impossible.
    """
    checked_quantile("quantile", quantile)
    rows = study["setups"] if setups is None else setups
    chosen = rows[rows["setup_id"] == setup]
    if chosen.empty:
        raise UsageError(f"unknown setup {setup}{did_you_mean(setup, rows['setup_id'], 0.5)}")
    where: dict[str, Any] = {"horizon_years": horizon_years, "setups": chosen, "home": home, "start": start}
    x = exposure(posterior, study, by_regime=False, **where).isel(setup=0)
    facts = setup_facts(study, chosen, horizon_years=horizon_years, start=start)[0]
    programmes = foreign_programmes(study, home or study.home)
    cells = _cells(facts, programmes, Draws(posterior, programmes), x["reach"].transpose("regime", "sample").values)
    reach = x["reach_any"].values
    table = [
        _chained(name, [how(cell, axis=-1, keepdims=True) for cell in cells.values()], how(reach, keepdims=True))
        for name, how in (("product of medians", np.median), ("product of means", np.mean))
    ]
    found = [
        _spent(name, hazard, any_reach, horizon_years, quantile)
        for name, hazard, any_reach in [*table, _chained("posterior in the chain", list(cells.values()), reach)]
    ]

    def at(multiples: np.ndarray) -> np.ndarray:
        return np.asarray(thinned(posterior, study, multiples, **where).mean(("sample", "setup")))

    found.append({**found[-1], **_settled(x, at, quantile)})
    result = pd.DataFrame(found).assign(quantile=quantile, horizon_years=float(horizon_years))
    result["years_method"] = years_until(quantile, result["probability"], horizon_years)
    years = ["years_method", "years_given_reach", "years_low", "years_high", "years_setup"]
    order = ["calculation", "probability", "probability_low", "probability_high", *years, "reach_any", "quantile"]
    text = _told(result, str(x["label"].item()), horizon_years)
    return Finding(result[[*order, "horizon_years"]], text, _sheet(study, programmes, cells, horizon_years))


def _cells(
    facts: SetupFacts, programmes: Sequence[Programme], draws: Draws, reach: np.ndarray
) -> dict[str, np.ndarray]:
    """Cells of the chain by step: (regime, sample)."""
    fleet = draws.get("clear_text_fleet")
    years = np.array([segment.years for segment in facts.segments])
    demands, clear, force = np.zeros_like(reach), np.zeros(draws.size), np.zeros_like(reach)
    for option in facts.options:
        demands += option.weight * rates(facts, option, programmes, draws) / fleet
        for custody, weight in facts.custody.items():
            clear += option.weight * weight * custody_factor(option, custody, draws) * fleet
    for share, factor in authority_cells(facts, programmes, draws):
        each = factor if factor.ndim == 3 else factor[:, :, None]
        force += share * (each * years[:, None]).sum(axis=1) / years.sum()
    terms = sum(share * keep for share, keep in contract_cells(facts, draws))
    wide = [np.broadcast_to(part, reach.shape) for part in (clear, terms)]
    return dict(zip(STEPS, [demands, force, reach, *wide], strict=True))


def _chained(name: str, cells: Sequence[np.ndarray], reach: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    """Hazard a year of all laws together, and the probability that any reaches: (sample,)."""
    return name, np.prod(cells, axis=0).sum(axis=0), reach


def _spent(name: str, hazard: np.ndarray, reach: np.ndarray, horizon_years: float, quantile: float) -> dict[str, Any]:
    """A row of the result from hazards that count reach as a factor."""
    p = -np.expm1(-hazard * horizon_years)
    given = np.maximum(hazard / reach, TINY)

    def reached(years: float) -> float:
        return float((reach * -np.expm1(-given * years)).mean())

    return {
        "calculation": name,
        **_range(p),
        "years_given_reach": _solve(reached, quantile * float(reach.mean())),
        **dict(zip(("years_low", "years_high"), _interval(-math.log1p(-quantile) / given), strict=True)),
        "years_setup": _solve(reached, quantile) if reach.mean() > quantile else math.inf,
        "reach_any": float(reach.mean()),
    }


def _settled(x: xr.Dataset, at: Callable[[np.ndarray], np.ndarray], quantile: float) -> dict[str, Any]:
    """The row of the exact answer; ``at`` gives its probability with hazards multiplied, reach settled as it is.

    Hazards are multiplied instead of the horizon prolonged, so that the law stays as it is. The drawn worlds give the
    first guess of the multiple.
    """
    reach, horizon = float(x["reach_any"].mean()), x.attrs["horizon_years"]
    world = -np.log1p(-np.minimum(x["world_probability"].values, 1 - 1e-15))

    def until(target: float) -> float:
        if not x["probability"].values.any():
            return math.inf
        guess = _mixture_years(min(target, 0.99 * (world > 0).mean()), world) if (world > 0).any() else 1.0
        for _ in range(ROUNDS):
            tried = guess * np.array([0.5, 1.0, 2.0])
            share = np.clip(at(tried) / reach, TINY, 1 - 1e-12)
            spent = np.log(-np.log1p(-share))  # a straight line in log(multiple) for a single hazard
            slope = (spent[2] - spent[0]) / math.log(4)
            step = (math.log(-math.log1p(-target / reach)) - spent[1]) / max(slope, SLOPE)
            if abs(step) < CLOSE:
                return float(horizon * guess * math.exp(step))
            guess *= math.exp(step)
        return math.inf

    return {
        "calculation": "posterior, reach settled",
        **_range(x["probability"].values),
        "years_given_reach": until(quantile * reach),
        "years_setup": until(quantile) if reach > quantile else math.inf,
        "reach_any": reach,
    }


def _range(p: np.ndarray) -> dict[str, float]:
    """Mean and 90 % interval over parameters."""
    low, high = _interval(p)
    return {"probability": float(p.mean()), "probability_low": low, "probability_high": high}


def _interval(values: np.ndarray) -> tuple[float, float]:
    """90 % interval over parameters; none for a point."""
    low, high = np.quantile(values, [LOW, HIGH]) if len(values) > 1 else (math.nan, math.nan)
    return float(low), float(high)


def _sheet(
    study: Study, programmes: Sequence[Programme], cells: Mapping[str, np.ndarray], horizon_years: float
) -> pd.DataFrame:
    """The cells that carry the answer, one row a law and step, with the law or the tables they rest on."""
    carried = -np.expm1(-horizon_years * np.prod(list(cells.values()), axis=0)).mean(axis=-1)
    rows = []
    for j in np.argsort(-carried, kind="stable"):
        if carried[j] < SHOWN_SHARE * carried.sum():
            break
        for step, (meaning, rests_on) in STEPS.items():
            low, middle, high = np.quantile(cells[step][j], [LOW, 0.5, HIGH])
            rows.append(
                {
                    "regime": programmes[j].regime_id,
                    "law": programmes[j].name,
                    "step": step,
                    "meaning": meaning,
                    "median": middle,
                    "mean": cells[step][j].mean(),
                    "q05": low,
                    "q95": high,
                    "rests_on": rests_on,
                    "source_ids": _papers(study, programmes[j], step),
                }
            )
    return pd.DataFrame(rows)


def _papers(study: Study, programme: Programme, step: str) -> str:
    """Sources of a step: the law itself, or the published counts of its kind of demand."""
    if step in ("in force", "law reaches"):
        regimes = study["regimes"]
        cited = regimes.loc[regimes["programme_id"] == programme.regime_id, "source_ids"]
    elif step == "demands":
        counts = study["transparency"]
        used = study["count_roles"]
        bands = counts["regime_group"] == "us_fisa_content"
        criminal = counts["row_id"].isin(used.loc[used["role"] == "count", "row_id"])
        kinds = {"criminal": criminal, "intelligence": bands}
        cited = counts.loc[kinds.get(programme.purpose, criminal | bands), "source_ids"]
    else:
        return ""
    return ";".join(dict.fromkeys(i for cell in cited for i in split(cell)))


def _told(result: pd.DataFrame, label: str, horizon_years: float) -> str:
    """What the four calculations say of a setup."""
    row: dict[str, dict[str, Any]] = result.set_index("calculation").to_dict("index")  # type: ignore[assignment]
    first, exact = row["product of medians"], row["posterior, reach settled"]
    chance = share_text(exact["reach_any"])
    ever = (
        f"is at {percent(exact['quantile'])} after about {in_years(exact['years_setup'], 2)}"
        if math.isfinite(exact["years_setup"])
        else f"never gets to {percent(exact['quantile'])}, because some foreign law reaches it with {chance} only"
    )
    level = percent(exact["quantile"])
    return (
        f"{label}, over {years_text(horizon_years)}: the chain with medians in its cells gives "
        f"{percent(first['probability'])}, with the posterior in its cells "
        f"{percent(row['posterior in the chain']['probability'])}, and with reach settled one way or the other "
        f"{percent(exact['probability'])}; restated as the method does, that is {level} after "
        f"{in_years(exact['years_method'], 2)}. Where a law reaches and hazards stay as they are, {level} is passed "
        f"after {in_years(exact['years_low'], 2)} to {in_years(exact['years_high'], 2)}, depending on parameters that "
        f"nobody knows; the setup as a whole {ever}."
    )
