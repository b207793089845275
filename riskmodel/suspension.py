"""Posterior + setups -> suspension: can foreign sanctions cut the service off?

Question answered: *what is the probability that foreign sanctions law ends the service of an institution within T
years, and that of at least one of n institutions at one provider?* A second endpoint beside disclosure, never merged
with it. Designated entities lose their service almost surely, others almost never, and one political decision hits
many at once. Given reach, the rate of one institution is

    lambda = d + nu f      d = (1 - s) lambda own designation, nu f = s lambda shocks, each hitting a fraction f

and of n institutions at one provider at least one is hit at the rate n d + nu (1 - (1 - f)^n). Legal questions, facts
and certificates are settled once, as for disclosure (:func:`riskmodel.integral.Settled`), and once for all n. Sanctions
have no reach of their own in the posterior: they borrow that of their state's criminal content programme, through the
routes that their own wordings open (:func:`riskmodel.nexus.foreign_programmes`). The data do not matter: no
attractiveness, no key custody.

Documented suspensions have no denominator, so that every rate here is elicited (attribute ``basis``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.draws import Draws, authority_cells, fact_cells, require_same
from riskmodel.errors import UsageError
from riskmodel.integral import Settled, leaked, stretched
from riskmodel.nexus import Option, Programme, SetupFacts, foreign_programmes, setup_facts

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["portfolio", "suspension"]

LICENSED = {kind: frozenset({kind}) for kind in ("licensor_with_access", "licensor_without_access")}


def suspension(
    posterior: Posterior,
    study: Study,
    *,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
) -> xr.Dataset:
    """Score setups for suspension by sanctions of states outside ``home``.

    Parameters
    ----------
    posterior, study, horizon_years, setups, home, start
        As for :func:`riskmodel.exposure`.

    Returns
    -------
    xarray.Dataset
        dims ``sample``, ``setup``, ``regime``; variables

        - ``reach`` (sample, setup, regime): probability that the sanctions law binds someone who can end the service
        - ``reach_any`` (sample, setup): the same for any of them
        - ``rate`` (sample): suspensions of one institution per year, given reach
        - ``probability`` (sample, setup): suspended at least once within the horizon, settled unknowns integrated out
        - ``degraded`` (sample, setup): the service degrades because a licensor of its technology in a sanctioning
          state is ordered to cut it off: the rate of shocks that hit, times the probability of degradation given
          cut-off. Separate: not part of ``probability``

        attributes ``horizon_years``, ``home``, ``start``, ``design_hash``, ``basis``.

    Raises
    ------
    UsageError
        If the horizon is not positive, or the posterior lacks a quantity of this endpoint.

    Examples
    --------
    >>> import riskmodel as rm
    >>> x = rm.suspension(rm.load_posterior(), rm.read_study(), horizon_years=5)
    >>> bool((x["probability"] <= x["reach_any"]).all())
    True
    """
    return _suspension(posterior, study, (1,), horizon_years, setups, home, start).isel(institutions=0, drop=True)


def portfolio(
    posterior: Posterior,
    study: Study,
    institutions: Sequence[int],
    *,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
) -> xr.Dataset:
    """How likely is it that at least one of n institutions with the same setup at one provider is suspended?

    Parameters
    ----------
    institutions
        Numbers n of institutions, each 1 or more.
    posterior, study, horizon_years, setups, home, start
        As for :func:`suspension`.

    Returns
    -------
    xarray.Dataset
        That of :func:`suspension` with ``rate`` and ``probability`` also over the dim ``institutions``, and
        ``probability_if_reached`` (sample, institutions): the same where the law of one state is known to reach.

    Raises
    ------
    UsageError
        As for :func:`suspension`, or if a number of institutions is below 1.

    Examples
    --------
    >>> import riskmodel as rm
    >>> x = rm.portfolio(rm.load_posterior(), rm.read_study(), [1, 100])
    >>> bool((x["probability"].diff("institutions") > 0).all())
    True
    """
    if not institutions or min(institutions) < 1:
        raise UsageError(f"institutions: {list(institutions)} - must be numbers of 1 or more")
    found = _suspension(posterior, study, institutions, horizon_years, setups, home, start)
    return found.assign(probability_if_reached=-np.expm1(-found["rate"] * horizon_years))


def _suspension(
    posterior: Posterior,
    study: Study,
    institutions: Sequence[int],
    horizon_years: float,
    setups: pd.DataFrame | None,
    home: str | None,
    start: dt.date | None,
) -> xr.Dataset:
    if not horizon_years > 0:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")
    require_same(posterior, study)
    facts = setup_facts(study, setups, horizon_years=horizon_years, start=start)
    programmes = foreign_programmes(study, home or study.home, "suspension")
    draws = Draws(posterior, programmes)
    total, common, hit = (draws.get(f"suspension_{name}") for name in ("rate", "common", "hit"))
    own, shocks = (1.0 - common) * total, common * total / hit
    rate = np.stack([n * own + shocks * -np.expm1(n * np.log1p(-hit)) for n in institutions])
    cut_off = common * total * draws.get("degradation_given_cutoff")
    scored = [_score(fact, programmes, draws, rate, cut_off) for fact in facts]
    dims = {
        "reach": ("setup", "regime", "sample"),
        "reach_any": ("setup", "sample"),
        "probability": ("setup", "institutions", "sample"),
        "degraded": ("setup", "sample"),
    }
    return xr.Dataset(
        {
            "rate": (("institutions", "sample"), rate),
            **{name: (dim, np.stack([part[name] for part in scored])) for name, dim in dims.items()},
        },
        coords={
            "setup": [fact.setup_id for fact in facts],
            "label": ("setup", [fact.label for fact in facts]),
            "regime": [programme.regime_id for programme in programmes],
            "regime_name": ("regime", [programme.name for programme in programmes]),
            "institutions": list(institutions),
        },
        attrs={
            "horizon_years": float(horizon_years),
            "home": home or study.home,
            "start": (start or study.as_of).isoformat(),
            "design_hash": posterior.design_hash,
            "basis": "elicited",
        },
    ).transpose("sample", "setup", "regime", "institutions")


def _score(
    facts: SetupFacts, programmes: Sequence[Programme], draws: Draws, rate: np.ndarray, cut_off: np.ndarray
) -> dict[str, np.ndarray]:
    """One setup: reach (regime, sample), probability (institutions, sample), degraded (sample,)."""
    years = np.array([segment.years for segment in facts.segments])
    shape = (len(programmes), len(years), draws.size)
    used = [
        (weight, np.broadcast_to(factor if factor.ndim == 3 else factor[:, :, None], shape))
        for weight, factor in authority_cells(facts, programmes, draws)
    ]
    leak = draws.get("leak")
    result: dict[str, Any] = dict.fromkeys(("reach", "reach_any", "probability", "degraded"), 0.0)
    for option in facts.options:
        spent = [(weight, stretched(option, factor, years)) for weight, factor in used]
        found = Settled([option], programmes, draws)
        through, _ = found.through(spent, rate)
        part = {
            "reach": leak + (1.0 - leak) * found.reach,
            "reach_any": leak + (1.0 - leak) * found.reach_any,
            "probability": (1.0 - leak) * through + leak * leaked(spent, rate),
            "degraded": _degraded(option, programmes, draws, spent, cut_off),
        }
        for name, value in part.items():
            result[name] = result[name] + option.weight * value
    return result


def _degraded(
    option: Option,
    programmes: Sequence[Programme],
    draws: Draws,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    cut_off: np.ndarray,
) -> np.ndarray:
    """Probability that an order to the licensor degrades the service: (sample,)."""
    licensed = [replace(programme, route_of_fact=LICENSED) for programme in programmes]
    total = np.zeros(draws.size)
    for (routes,), likely in fact_cells([option], licensed, draws).items():
        there = np.array([bool(mine) for mine in routes])
        for weight, spent in windows:
            total += likely * weight * -np.expm1(-cut_off * spent[there].sum(axis=(0, 1)))
    return total
