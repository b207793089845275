"""The factor chain with our posterior in its cells, beside the exact answer.

Question answered: *what does the method (:mod:`riskmodel.frameworks.chain`) give for a setup of ours, and when would a
disclosure be 90 % likely?* Years until a probability make sense for a hazard: a setup that a foreign law reaches with
probability rho only never gets beyond rho, however long one waits. :func:`rosenthal` shows both.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide._shared import HIGH, LOW
from riskmodel.decide.finding import Finding
from riskmodel.draws import Draws, authority_cells, contract_cells, custody_factor, rates
from riskmodel.errors import UsageError, did_you_mean
from riskmodel.exposure import exposure, thinned
from riskmodel.frameworks.chain import mixture_years, years_at
from riskmodel.frameworks.horizon import QUANTILE, checked_quantile, in_years, years_until
from riskmodel.nexus import Programme, SetupFacts, foreign_programmes, setup_facts, split
from riskmodel.wording import percent, share_text, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["rosenthal"]

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
    ways = {
        name: ([how(cell, axis=-1, keepdims=True) for cell in cells.values()], how(reach, keepdims=True))
        for name, how in (("product of medians", np.median), ("product of means", np.mean))
    }
    ways["posterior in the chain"] = list(cells.values()), reach
    found = [{"calculation": name, **_spent(*way, horizon_years, quantile)} for name, way in ways.items()]

    def at(multiples: np.ndarray) -> np.ndarray:
        return np.asarray(thinned(posterior, study, multiples, **where).mean(("sample", "setup")))

    found.append({**found[-1], **_settled(x, at, quantile), "calculation": "posterior, reach settled"})
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


def _spent(cells: Sequence[np.ndarray], reach: np.ndarray, horizon_years: float, quantile: float) -> dict[str, Any]:
    """A row of the result from cells that count reach as a factor; the hazards a year of all laws add up."""
    hazard = np.prod(cells, axis=0).sum(axis=0)
    p = -np.expm1(-hazard * horizon_years)
    given = np.maximum(hazard / reach, TINY)

    def reached(years: float) -> float:
        return float((reach * -np.expm1(-given * years)).mean())

    return {
        **_range(p),
        "years_given_reach": years_at(reached, quantile * float(reach.mean())),
        **dict(zip(("years_low", "years_high"), _interval(-math.log1p(-quantile) / given), strict=True)),
        "years_setup": years_at(reached, quantile) if reach.mean() > quantile else math.inf,
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
        guess = mixture_years(min(target, 0.99 * (world > 0).mean()), world) if (world > 0).any() else 1.0
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
