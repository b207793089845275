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

from riskmodel.draws import Draws, authority_cells, cells, contract_cells, custody_factor, rates, stretches
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

        attributes ``horizon_years``, ``home``, ``start``, ``design_hash``.

    Raises
    ------
    UsageError
        If the horizon is not positive, or a setup uses a data class or service model the posterior does not know.

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
    first = study.as_of if start is None else start
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
        attrs={
            "horizon_years": float(horizon_years),
            "home": home or study.home,
            "start": first.isoformat(),
            "design_hash": posterior.design_hash,
        },
    ).transpose("sample", "setup", "regime", "reading")


@dataclass(frozen=True)
class _Window:
    """Hazards of one option over its stretches, by joint state of lapsed authorities, custody and terms."""

    weight: np.ndarray  # (sample,)
    hazard: np.ndarray  # (custody and terms, regime, stretch, sample)


def _states(programmes: Sequence[Programme]) -> list[list[int]]:
    """Positions of the reached programmes, grouped by state."""
    groups: dict[frozenset[str], list[int]] = {}
    for j, programme in enumerate(programmes):
        groups.setdefault(programme.countries, []).append(j)
    return list(groups.values())


def _closed(chance: np.ndarray, members: Sequence[tuple[int, int]], same: np.ndarray) -> np.ndarray:
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
    leak, same = draws.get("leak"), draws.get("same_answer")
    rate = rates(facts, option, programmes, draws)
    scales = np.stack([custody_factor(option, name, draws) * keep for name in facts.custody for _, keep in contract])
    share = np.array([weight * clause for weight in facts.custody.values() for clause, _ in contract])
    parts = stretches(option)
    found = cells(option, programmes, draws)
    spans, leaked = [], np.zeros_like(scales)
    for weight, factor in windows:
        spent = np.stack([(factor[:, members] * years[members, None]).sum(axis=1) for members in parts], axis=1)
        hazard = rate[:, None] * spent  # (regime, stretch, sample)
        leaked += weight * -np.expm1(-scales * hazard.sum(axis=(0, 1)))
        # from here on regimes are counted among the reached ones
        spans.append(_Window(weight, scales[:, None, None] * hazard[list(found.regimes)]))
    alone = leak * _alone(rate, scales, windows, years) if by_regime else np.zeros((len(rate), 1, 1))
    states = _states([programmes[j] for j in found.regimes])
    singly = [[j] for state in states for j in state]
    pairs = {tuple(s): [(j, m) for j in s for m in range(len(parts))] for s in [*states, *singly]}
    weights = {tuple(s): _weights(pairs[tuple(s)], spans) for s in (states + singly if by_regime else states)}
    through = np.zeros_like(scales)
    reach, reach_any = np.zeros_like(rate), np.zeros(draws.size)
    for cell in found.cells:
        survival, closed = np.ones_like(scales), np.ones(draws.size)
        for state in states:
            key = tuple(state)
            shut = {inside: _closed(cell.chance, inside, same) for inside in _inside(pairs[key])}
            expected = _expect(weights[key], pairs[key], shut)
            survival *= expected
            closed *= shut[tuple(pairs[key])]
            for j in state:
                reach[found.regimes[j]] += cell.weight * (1.0 - shut[tuple(pairs[(j,)])])
                if not by_regime:
                    continue
                one = expected if len(state) == 1 else _expect(weights[(j,)], pairs[(j,)], shut)
                alone[found.regimes[j]] += (1.0 - leak) * cell.weight * (1.0 - one)
        through += cell.weight * (1.0 - survival)
        reach_any += cell.weight * (1.0 - closed)
    probability = (1.0 - leak) * through + leak * leaked
    by_custody = (probability * share[:, None]).reshape(len(facts.custody), len(contract), -1).sum(axis=1)
    by_custody /= np.array(list(facts.custody.values()))[:, None]
    return {
        "reach": leak + (1.0 - leak) * reach,
        "reach_any": leak + (1.0 - leak) * reach_any,
        "rate": rate * (scales * share[:, None]).sum(axis=0),
        "probability": (probability * share[:, None]).sum(axis=0),
        "probability_regime": (alone * share[:, None]).sum(axis=1),
        "by_custody": by_custody,
    }
