"""Posterior + setups -> exposure: reach, rate, probability and worlds for every setup, in NumPy only.

Question answered: *what is the probability that a foreign authority obtains intelligible content of this setup within
T years, and in which share of worlds is the setup reachable at all?*

Two kinds of unknown stay apart. *Parameters* vary from posterior sample to sample. *Settled unknowns* (does this law
reach through this route, is this fact true, are the certified controls in place, is a lapsed authority still used)
are one way or the other. For each sample they are integrated out exactly; beside it each sample carries one drawn
world, from the same uniforms for all setups.

The exact integral
------------------
Within a state, pairs i = (regime j, segment m) have integrated hazard L_i and open with O_i = max_k 1[U_jk < p_ik]:

    E exp(-sum_i L_i O_i) = sum_{S} [prod_{i not in S} e^{-L_i}] [prod_{i in S} (1 - e^{-L_i})] P(O_i = 0 for i in S)
    P(O_i = 0 for i in S) = prod_k { a (1 - max_{i in S} p_ik) + (1 - a) prod_j (1 - max_{i in S, regime j} p_ik) }

because 1 - O is 0 or 1; all weights are positive, so nothing cancels. ``a`` is the probability that the regimes of a
state share one answer to the legal question. For one segment and a = 0 it reduces to the noisy-OR closed form
1 - prod_j [1 - rho_j (1 - e^{-L_j})].
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.codes import legal_space
from riskmodel.draws import (
    ROUTE_GROUPS,
    Draws,
    Kept,
    Routes,
    authority_cells,
    certificate_cells,
    contract_cells,
    custody_factor,
    fact_cells,
    rates,
    stretches,
)
from riskmodel.errors import UsageError
from riskmodel.nexus import Option, Programme, SetupFacts, foreign_programmes, setup_facts
from riskmodel.worlds import world

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["exposure"]


def exposure(
    posterior: Posterior,
    study: Study,
    *,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
    by_regime: bool = True,
    covert: bool = False,
) -> xr.Dataset:
    """Score setups against a posterior.

    Parameters
    ----------
    posterior
        The shipped one (:func:`riskmodel.load_posterior`) or your own fit.
    study
        Facts about providers and law; must belong to the posterior's Design.
    horizon_years
        T, in years, from ``start`` (default: the study's date). All setups get the same horizon.
    setups
        Rows like those of ``study["setups"]``; default: the study's own.
    home
        Legal space of the controller, default the study's (``"EU/EEA"``).
    by_regime
        Whether to compute ``probability_regime`` too (half the work).
    covert
        Whether to add ``probability_covert``: collection that needs no provider, a separate line that is purely
        elicited and never part of ``probability``.

    Returns
    -------
    xarray.Dataset
        dims ``sample``, ``setup``, ``regime``, ``reading``; variables

        - ``reach`` (sample, setup, regime): probability that the regime binds, at some time in
          the horizon, someone who can produce the data
        - ``reach_any`` (sample, setup): the same for any foreign regime
        - ``rate`` (sample, setup, regime): disclosures per year, given reach
        - ``probability`` (sample, setup): at least one disclosure within the horizon, settled unknowns integrated out
        - ``probability_regime`` (sample, setup, regime): the same through one regime alone
        - ``probability_reading`` (sample, reading): by provider-and-custody reading, with ``reading_weight``
        - ``world_reached`` (sample, setup), ``world_probability`` (sample, setup): in the sample's own world
        - ``probability_covert`` (sample, setup), if asked for: at least one covert collection of intelligible content
          within the horizon; the same for all data in the EU apart from encryption. Experts were asked about data
          there only: not given (missing) for data elsewhere or in an unseen place

        attributes ``horizon_years``, ``home``, ``start``, ``design_hash``, and with ``covert`` the setups for which it
        is not given, ``covert_not_given``.

    Raises
    ------
    UsageError
        If the horizon is not positive, or the posterior lacks a quantity that scoring needs.

    Examples
    --------
    >>> import riskmodel as rm
    >>> x = rm.exposure(rm.load_posterior(), rm.read_study(), horizon_years=5)
    >>> bool((x["probability"] <= 1).all())
    True
    """
    if not horizon_years > 0:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")
    facts = setup_facts(study, setups, horizon_years=horizon_years, start=start)
    programmes = foreign_programmes(study, home or study.home)
    draws = Draws(posterior, programmes)
    distinct: list[SetupFacts] = []  # setups that differ in name alone are scored once
    place = []
    for fact in facts:
        anonymous = replace(fact, setup_id="", label="")
        if anonymous not in distinct:
            distinct.append(anonymous)
        place.append(distinct.index(anonymous))
    results = [_score(fact, programmes, draws, by_regime) for fact in distinct]
    scored = [results[k] for k in place]
    names = [fact.setup_id for fact in facts]
    regimes = [programme.regime_id for programme in programmes]
    optional = ("probability_regime",) if by_regime else ()
    dims = {"reach": "regime", "rate": "regime", "probability_regime": "regime"}
    data: dict[str, Any] = {
        key: (
            ("setup", dims[key], "sample") if key in dims else ("setup", "sample"),
            np.stack([s[key] for s in scored]),
        )
        for key in (
            "reach",
            "reach_any",
            "rate",
            "probability",
            *optional,
            "world_reached",
            "world_probability",
        )
    }
    readings = [(fact, label) for fact, part in zip(facts, scored, strict=True) for label in part["readings"]]
    data["probability_reading"] = (("reading", "sample"), np.concatenate([s["by_reading"] for s in scored]))
    attrs: dict[str, Any] = {
        "horizon_years": float(horizon_years),
        "home": home or study.home,
        "start": (start or study.as_of).isoformat(),
        "design_hash": posterior.design_hash,
    }
    if covert:
        foreign = foreign_programmes(study, home or study.home, "covert")
        lines = np.stack([_covert(fact, draws, horizon_years if foreign else np.nan) for fact in facts])
        data["probability_covert"] = (("setup", "sample"), lines)
        attrs["covert_not_given"] = [name for name, line in zip(names, lines, strict=True) if np.isnan(line).any()]
    return xr.Dataset(
        data,
        coords={
            "setup": names,
            "label": ("setup", [fact.label for fact in facts]),
            "regime": regimes,
            "regime_name": ("regime", [programme.name for programme in programmes]),
            "reading": [f"{fact.setup_id}|{label[0]}|{label[1]}" for fact, label in readings],
            "reading_setup": ("reading", [fact.setup_id for fact, _ in readings]),
            "reading_provider": ("reading", [label[0] for _, label in readings]),
            "reading_custody": ("reading", [label[1] for _, label in readings]),
            "reading_weight": ("reading", np.array([label[2] for _, label in readings])),
        },
        attrs=attrs,
    ).transpose("sample", "setup", "regime", "reading")


@dataclass(frozen=True)
class _Window:
    """Hazards of one option over its stretches, by joint state of lapsed authorities, custody and terms."""

    weight: np.ndarray  # (sample,)
    hazard: np.ndarray  # (custody and terms, regime, stretch, sample)


State = tuple[int, ...]
"""Positions of the programmes of one state."""


def _states(programmes: Sequence[Programme], reached: Sequence[int]) -> list[State]:
    """Positions of the reached programmes, grouped by state."""
    groups: dict[frozenset[str], State] = {}
    for j in reached:
        groups[programmes[j].countries] = (*groups.get(programmes[j].countries, ()), j)
    return list(groups.values())


def _closed(
    chance: np.ndarray | Mapping[tuple[int, int], np.ndarray], members: Sequence[tuple[int, int]], same: np.ndarray
) -> np.ndarray:
    """P(nothing opens for any (regime, stretch) in members): product over legal questions of the state's mixture."""
    regimes = sorted({j for j, _ in members})
    worst = [np.max([chance[j, m] for i, m in members if i == j], axis=0) for j in regimes]
    if len(regimes) == 1:
        return (1.0 - worst[0]).prod(axis=0)
    apart = np.prod([1.0 - w for w in worst], axis=0)
    return (same * (1.0 - np.max(worst, axis=0)) + (1.0 - same) * apart).prod(axis=0)


def _inside(pairs: Sequence[tuple[int, int]]) -> list[tuple[tuple[int, int], ...]]:
    """All non-empty subsets of pairs, in the order of the expansion's weights."""
    chosen = [
        tuple(p for p, flag in zip(pairs, flags, strict=True) if flag)
        for flags in product((False, True), repeat=len(pairs))
    ]
    return chosen[1:]


def _weights(pairs: Sequence[tuple[int, int]], windows: Sequence[_Window]) -> np.ndarray:
    """Positive weights of the expansion for every subset of pairs: (subset, custody and terms, sample)."""
    total: Any = 0.0
    for window in windows:
        gone = [-np.expm1(-window.hazard[:, j, m]) for j, m in pairs]
        terms = [
            window.weight * np.prod([g if flag else 1.0 - g for g, flag in zip(gone, flags, strict=True)], axis=0)
            for flags in product((False, True), repeat=len(pairs))
        ]
        total = total + np.stack(terms)
    return np.asarray(total)


def _expect(
    weights: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    shut: Mapping[tuple[tuple[int, int], ...], np.ndarray],
) -> np.ndarray:
    """E exp(-sum L O) of one state given the facts of a cell: (custody and terms, sample)."""
    result = weights[0].copy()
    for weight, inside in zip(weights[1:], _inside(pairs), strict=True):
        result += weight * shut[inside]
    return result


def _alone(
    rate: np.ndarray, scales: np.ndarray, windows: Sequence[tuple[np.ndarray, np.ndarray]], years: np.ndarray
) -> np.ndarray:
    """Probability through each regime alone if it reached in every segment: (regime, custody and terms, sample)."""
    result = np.zeros((len(rate), *scales.shape))
    for j, own in enumerate(rate):
        spent = [(factor[j] * years[:, None]).sum(axis=0) for _, factor in windows]
        same = all(np.array_equal(spent[0], other) for other in spent[1:])
        # most regimes do not change with a lapsed authority: one evaluation instead of one per window
        for weight, time in [(1.0, spent[0])] if same else zip((w for w, _ in windows), spent, strict=True):
            result[j] += weight * -np.expm1(-scales * own * time)
    return result


@dataclass(frozen=True)
class Settled:
    """What follows when every settled unknown of an option is integrated out, the leak left aside."""

    reach: np.ndarray  # (regime, sample)
    reach_any: np.ndarray  # (sample,)
    through: np.ndarray  # (custody and terms, sample): probability of an event
    alone: np.ndarray  # (regime, custody and terms, sample): through one regime alone; zeros unless asked for


def stretched(option: Option, factor: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Years of each stretch in which each regime can be used: (regime, stretch, sample)."""
    return np.stack([(factor[:, m] * years[m, None]).sum(axis=1) for m in stretches(option)], axis=1)


def leaked(windows: Sequence[tuple[np.ndarray, np.ndarray]], scales: np.ndarray) -> np.ndarray:
    """Probability of an event where every regime reaches: (custody and terms, sample)."""
    return np.asarray(sum(weight * -np.expm1(-scales * hazard.sum(axis=(0, 1))) for weight, hazard in windows))


def _chances(state: State, routes: Routes, kept: Kept, draws: Draws) -> dict[tuple[int, int], np.ndarray]:
    """Chance that each legal question of a state opens, by (regime, stretch): the strongest open route of its group."""
    opened = [{draws.routes.index(route) for route in mine} for mine in routes]
    groups = [group for group in ROUTE_GROUPS.values() if any(mine & set(group) for mine in opened)]
    found = {}
    for (j, mine), (m, left) in product(zip(state, opened, strict=True), enumerate(kept)):
        chance = np.zeros((len(groups), draws.size))
        for g, group in enumerate(groups):
            for k in mine.intersection(group):
                np.maximum(chance[g], draws.reach[j, k] * (left[k] if draws.certified[j] else 1.0), out=chance[g])
        found[j, m] = chance
    return found


def settle(
    option: Option,
    programmes: Sequence[Programme],
    draws: Draws,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    scales: np.ndarray,
    by_regime: bool = False,
) -> Settled:
    """Integrate facts, certificates and legal questions of one option out.

    Parameters
    ----------
    windows
        Joint states of lapsed authorities: weight (sample,) and integrated hazard (regime, stretch, sample).
    scales
        What custody and terms leave of the hazard: (custody and terms, sample).
    """
    same = draws.get("same_answer")
    cells = fact_cells(option, programmes, draws)
    reached = [j for j in range(len(programmes)) if any(routes[j] for routes in cells)]
    states, parts = _states(programmes, reached), range(len(stretches(option)))
    singly = [(j,) for j in reached]
    pairs = {state: tuple((j, m) for j in state for m in parts) for state in {*states, *singly}}
    spans = [_Window(weight, scales[:, None, None] * hazard[reached]) for weight, hazard in windows]
    placed = {state: [(reached.index(j), m) for j, m in pairs[state]] for state in (pairs if by_regime else states)}
    weights = {state: _weights(place, spans) for state, place in placed.items()}
    reach, reach_any = np.zeros((len(programmes), draws.size)), np.zeros(draws.size)
    through, alone = np.zeros_like(scales), np.zeros((len(programmes), *scales.shape))
    for quality, kept in certificate_cells(option, draws) if states else []:
        answers: dict[tuple[State, Routes], tuple[Any, np.ndarray]] = {}
        weighed: dict[tuple[State, Routes], Any] = {}
        for routes, likely in cells.items():
            survival, closed = np.ones_like(through), np.ones(draws.size)
            for state in states:
                key = (state, tuple(routes[j] for j in state))
                if not any(key[1]):
                    continue
                if key not in answers:
                    chances = _chances(*key, kept, draws)
                    shut = {inside: _closed(chances, inside, same) for inside in _inside(pairs[state])}
                    answers[key] = (shut, _expect(weights[state], pairs[state], shut))
                weighed[key] = weighed.get(key, 0.0) + quality * likely
                survival *= answers[key][1]
                closed *= answers[key][0][pairs[state]]
            through += quality * likely * (1.0 - survival)
            reach_any += quality * likely * (1.0 - closed)
        for (state, routes), weight in weighed.items():
            shut, expected = answers[state, routes]
            for j in state:
                reach[j] += weight * (1.0 - shut[pairs[j,]])
                if by_regime:
                    one = expected if len(state) == 1 else _expect(weights[j,], pairs[j,], shut)
                    alone[j] += weight * (1.0 - one)
    return Settled(reach, reach_any, through, alone)


def _score(facts: SetupFacts, programmes: Sequence[Programme], draws: Draws, by_regime: bool) -> dict[str, Any]:
    """Everything about one setup, sample last."""
    years = np.array([segment.years for segment in facts.segments])
    shape = (len(programmes), len(years), draws.size)
    windows = [
        (w, np.broadcast_to(f if f.ndim == 3 else f[:, :, None], shape))
        for w, f in authority_cells(facts, programmes, draws)
    ]
    contract = contract_cells(facts, draws)
    total: dict[str, Any] = dict.fromkeys(("reach", "reach_any", "rate", "probability", "probability_regime"), 0.0)
    by_reading, labels = [], []
    for option in facts.options:
        part = _score_option(facts, option, programmes, draws, windows, contract, years, by_regime)
        for name in total:
            total[name] = total[name] + option.weight * part[name]  # weights of options add to 1
        by_reading.append(part["by_custody"])
        labels += [(option.provider_id, name, option.weight * weight) for name, weight in facts.custody.items()]
    reached, probability = world(facts, programmes, draws, windows, contract)
    return {
        **total,
        "world_reached": reached,
        "world_probability": probability,
        "by_reading": np.concatenate(by_reading),
        "readings": labels,
    }


def _covert(facts: SetupFacts, draws: Draws, horizon_years: float) -> np.ndarray:
    """Probability of covert collection within the horizon, (sample,); missing unless all data are seen in the EU.

    Keys that the provider does not hold scale the yearly probability as they scale what a provider can produce in
    clear; own hosting is taken as provider-held keys.
    """
    places = {country for kind, country in facts.options[0].facts if kind == "data_location"}
    if not places or not places <= legal_space("EU"):
        return np.full(draws.size, np.nan)
    total: Any = 0.0
    for custody, weight in facts.custody.items():
        held = "provider" if custody == "first_party" else custody
        clear = draws.get("clear_text", custody=held) / draws.get("clear_text", custody="provider")
        total = total + weight * -np.expm1(horizon_years * np.log1p(-draws.get("covert_yearly") * clear))
    return np.asarray(total)


def _score_option(
    facts: SetupFacts,
    option: Option,
    programmes: Sequence[Programme],
    draws: Draws,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    contract: Sequence[tuple[float, np.ndarray]],
    years: np.ndarray,
    by_regime: bool,
) -> dict[str, np.ndarray]:
    """One provider of a setup: reach, rate and probability with settled unknowns integrated out exactly."""
    leak = draws.get("leak")
    rate = rates(facts, option, programmes, draws)
    scales = np.stack([custody_factor(option, name, draws) * keep for name in facts.custody for _, keep in contract])
    share = np.array([weight * clause for weight in facts.custody.values() for clause, _ in contract])
    spent = [(weight, rate[:, None] * stretched(option, factor, years)) for weight, factor in windows]
    found = settle(option, programmes, draws, spent, scales, by_regime)
    probability = (1.0 - leak) * found.through + leak * leaked(spent, scales)
    alone = (1.0 - leak) * found.alone + leak * _alone(rate, scales, windows, years) if by_regime else found.alone
    by_custody = (probability * share[:, None]).reshape(len(facts.custody), len(contract), -1).sum(axis=1)
    by_custody /= np.array(list(facts.custody.values()))[:, None]
    return {
        "reach": leak + (1.0 - leak) * found.reach,
        "reach_any": leak + (1.0 - leak) * found.reach_any,
        "rate": rate * (scales * share[:, None]).sum(axis=0),
        "probability": (probability * share[:, None]).sum(axis=0),
        "probability_regime": (alone * share[:, None]).sum(axis=1),
        "by_custody": by_custody,
    }
