"""Acceptability of setups: how would an authority judge them, and is any decided arrangement like them?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.acceptance.posterior import TAILS, Acceptability, probabilities
from riskmodel.acceptance.rulings import CODED, Rulings, adequacy_at, build_rulings, logit
from riskmodel.decide.finding import Finding
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.errors import UsageError
from riskmodel.language import mark, tr
from riskmodel.nexus import Programme, SetupFacts, foreign_programmes, setup_facts
from riskmodel.priors import Priors
from riskmodel.wording import percent

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["acceptability_of"]

AUTHORITIES = (mark("regulator"), mark("court"))
KEYS_OUTSIDE = ("external_hyok", "confidential_computing_external", "client_side", "first_party")
"""Key custody out of the provider's reach; a customer's keys inside the service are not."""
SENSITIVE = {"generic": np.nan}
"""Data class -> sensitive; every class but these is health data."""
GROUP_OF_ROUTE = {
    "establishment_separated": "establishment",
    "establishment_not_separated": "establishment",
    "licensor_without_access": "licensor",
    "licensor_with_access": "licensor",
}
"""States of one route, which are one kind of nexus."""


def acceptability_of(
    result: Acceptability,
    x: xr.Dataset,
    study: Study,
    *,
    setup: str | None = None,
    setups: pd.DataFrame | None = None,
    authority: str = "regulator",
) -> Finding:
    """How would an authority of the Union judge these setups, each as a system it has not judged before?

    Parameters
    ----------
    result
        Shipped (:func:`load_acceptability`) or your own fit.
    x
        The exposure of the setups: the source of their reach.
    study
        Facts about providers, law, adequacy and rulings.
    setup
        One setup id; None for all.
    setups
        The table that ``x`` was scored from, if not the study's own.
    authority
        ``"regulator"`` or ``"court"``.

    Returns
    -------
    Finding
        Four rows a setup, one for each ``outcome``: ``setup``, ``label``, ``authority``, ``probability`` (predictive
        mean), ``probability_low`` and ``probability_high`` (90 % equal-tailed interval over parameters, imputations of
        reach and the unknown effect of the system), ``reach`` (mean, by the strongest programme), ``comparable``
        (decided arrangements with the same kind of nexus to the same state, the same kind of ownership and a reach
        that is near), ``extrapolation`` (none is). The text says which are extrapolation.

    Raises
    ------
    UsageError
        If ``x`` has no such setup, or the authority is another.
    """
    if authority not in AUTHORITIES:
        raise UsageError(f"authority: {authority!r} - must be one of: {', '.join(AUTHORITIES)}")
    names = [str(name) for name in x["setup"].values] if setup is None else [setup]
    start, years = dt.date.fromisoformat(x.attrs["start"]), x.attrs["horizon_years"]
    given = {f.setup_id: f for f in setup_facts(study, setups, horizon_years=years, start=start)}
    for name in names:
        if name not in given or name not in x["setup"].values:
            raise UsageError(f"unknown setup {name}; known: {', '.join(map(str, x['setup'].values))}")
    rulings, draws = build_rulings(study), result.draws()
    system = np.random.default_rng(int(result.data.attrs["seed"])).standard_normal(len(draws["beta_reach"]))
    programmes = foreign_programmes(study, x.attrs["home"])
    reach = x["reach"].sel(regime=[p.regime_id for p in programmes]).transpose("setup", "regime", "sample")
    near = Priors.from_study(study)["acceptability_comparable"].first
    rows = []
    for name in names:
        own = reach.sel(setup=name).values
        country, routes = _nexus(given[name], programmes, own.mean(axis=1))
        top = own.max(axis=0)
        imputed = np.repeat(logit(top[result.data["sample"].values % len(top)]), result.data.sizes["draw"])
        facts = _facts(given[name], study, country)
        chance = probabilities(draws, imputed, facts, float(authority == "court"), system)
        low, high = np.quantile(chance, TAILS, axis=0)
        close = abs(result.data["reach_logit_median"] - np.median(logit(top))) <= near
        alike = _alike(rulings, country, routes, set(result.data["decision"].values[close.values]))
        for k, outcome in enumerate(OUTCOMES):
            numbers = (chance[:, k].mean(), low[k], high[k], top.mean(), alike, alike == 0)
            rows.append((name, given[name].label, authority, outcome, *numbers))
    columns = ["setup", "label", "authority", "outcome", "probability", "probability_low", "probability_high"]
    table = pd.DataFrame(rows, columns=[*columns, "reach", "comparable", "extrapolation"])
    return Finding(table, _said(table, rulings, authority))


def _nexus(facts: SetupFacts, programmes: Sequence[Programme], reach: np.ndarray) -> tuple[str, frozenset[str]]:
    """State of the programme that reaches a setup most (mean, by regime), and its routes; nothing if none has any."""
    opened = [_routes(facts, programme) for programme in programmes]
    found = [j for j, routes in enumerate(opened) if routes]
    if not found:
        return "", frozenset()
    strongest = max(found, key=lambda j: float(reach[j]))
    return min(programmes[strongest].countries), opened[strongest]


def _routes(facts: SetupFacts, programme: Programme) -> frozenset[str]:
    """Routes that are open, or may be, to a programme; control is named only where it is more likely than not."""
    certain = frozenset().union(*(programme.routes(option.facts) for option in facts.options))
    for way in (a for option in facts.options for unknown in option.unknowns for a in unknown.alternatives):
        certain |= programme.routes(way.facts) - ({"parent_control"} if way.probability < 0.5 else set())
    return certain


def _alike(rulings: Rulings, country: str, routes: frozenset[str], near: set[str]) -> int:
    """Number of decided arrangements like a setup: hosting, same state, a route in common, control in both or none."""

    def kinds(names: frozenset[str]) -> set[str]:
        return {GROUP_OF_ROUTE.get(name, name) for name in names}

    return sum(
        hosting
        and decision in near
        and state == country
        and ("parent_control" in own) == ("parent_control" in routes)
        and bool(kinds(own) & kinds(routes))
        for decision, hosting, state, own in zip(
            rulings.decision, rulings.hosting, rulings.country, rulings.routes, strict=True
        )
    )


def _facts(facts: SetupFacts, study: Study, country: str) -> np.ndarray:
    """Probability of each fact of a setup, nan where it was not seen; no state at issue is as good as adequacy."""
    keys = sum(chance for custody, chance in facts.custody.items() if custody in KEYS_OUTSIDE)
    status = adequacy_at(study, country, facts.segments[0].start) if country else "not_applicable"
    return np.array([keys, CODED.get(status, np.nan), SENSITIVE.get(facts.data_class, 1.0)])


def _said(table: pd.DataFrame, rulings: Rulings, authority: str) -> str:
    """What the table permits."""
    basis = tr(
        "Fitted to {rulings} rulings on {systems} systems that hardly differ in reach: much is decided by the priors.",
        rulings=len(rulings.decision),
        systems=len(rulings.system),
    )
    each = table.drop_duplicates("setup").set_index("label")
    if len(each) > 1:
        far = tr(
            "Extrapolation, no decided arrangement is comparable in owner, route and reach: {names}.",
            names=", ".join(each.index[each["extrapolation"]]) or tr("none"),
        )
        return f"{basis} {far}"
    columns = ["outcome", "probability", "probability_low", "probability_high"]
    parts = ", ".join(
        tr(
            "{outcome} {chance} (90 % interval {low} to {high})",
            outcome=tr(outcome),
            chance=percent(chance, (low, high)),
            low=percent(low, (low, high)),
            high=percent(high, (low, high)),
        )
        for outcome, chance, low, high in table[columns].itertuples(index=False)
    )
    alike = each["comparable"].iloc[0]
    note = (
        tr("This is extrapolation: no decided arrangement is comparable in owner, route and reach.")
        if alike == 0
        else tr("Decided arrangements comparable in owner, route and reach: {count}.", count=alike)
    )
    head = tr(
        "{label}, judged by a {authority} as a new system: {parts}.",
        label=each.index[0],
        authority=tr(authority),
        parts=parts,
    )
    return f"{head} {note} {basis}"
