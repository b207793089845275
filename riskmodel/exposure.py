"""Posterior + setups -> exposure: reach, rate, probability and worlds for every setup, in NumPy only.

Question answered: *what is the probability that a foreign authority obtains intelligible content of this setup within
T years, and in which share of worlds is the setup reachable at all?*

Two kinds of unknown stay apart. *Parameters* vary from posterior sample to sample. *Settled unknowns* (does this law
reach through this route, is this fact true, are the certified controls in place, is a lapsed authority still used)
are one way or the other. For each sample they are integrated out exactly (:mod:`riskmodel.integral`); beside it each
sample carries one drawn world (:mod:`riskmodel.worlds`), from the same uniforms for all setups.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.codes import legal_space
from riskmodel.design import without_evidence
from riskmodel.draws import Draws, authority_cells, contract_cells, custody_factor, rates, require_same
from riskmodel.errors import UsageError
from riskmodel.integral import Settled, always, leaked, stretched
from riskmodel.nexus import Option, Programme, SetupFacts, foreign_programmes, setup_facts
from riskmodel.worlds import world

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["authority_windows", "custody_scales", "exposure", "probability_of", "thinned", "thinned_one"]


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
    settled: Mapping[str, bool] | None = None,
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
    settled
        Legal questions that are taken as answered, ``{"US:licensor_without_access": False}``: the law of that state
        does, or does not, reach through that route (:func:`riskmodel.draws.legal_questions`).

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

        attributes ``horizon_years``, ``home``, ``start``, ``design_hash``, ``without_evidence`` (foreign regimes that
        no count and no expert speaks of: they follow regimes in general), and with ``covert`` the setups for which it
        is not given, ``covert_not_given``.

    Raises
    ------
    UsageError
        If the horizon is not positive, a legal question is unknown, or the posterior lacks a quantity that scoring
        needs.

    Examples
    --------
    >>> import riskmodel as rm
    >>> x = rm.exposure(rm.load_posterior(), rm.read_study(), horizon_years=5)
    >>> bool((x["probability"] <= 1).all())
    True
    """
    if not horizon_years > 0:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")
    require_same(posterior, study)
    facts = setup_facts(study, setups, horizon_years=horizon_years, start=start)
    programmes = foreign_programmes(study, home or study.home)
    draws = Draws(posterior, programmes, settled)
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
        "without_evidence": [name for name in without_evidence(study) if name in regimes],
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


def thinned(
    posterior: Posterior,
    study: Study,
    multiples: np.ndarray,
    *,
    horizon_years: float = 5.0,
    setups: pd.DataFrame | None = None,
    home: str | None = None,
    start: dt.date | None = None,
) -> xr.DataArray:
    """Probability of at least one event when every hazard is multiplied by a number, settled unknowns as they are.

    Events of a kind that is a fraction f of all have multiple f (thinning of a Poisson process); n institutions that
    share all that is settled have multiple n.

    Parameters
    ----------
    multiples
        (multiple,) or (multiple, sample), each 0 or more.
    posterior, study, horizon_years, setups, home, start
        As for :func:`exposure`.

    Returns
    -------
    xarray.DataArray
        dims ``sample``, ``setup``, ``multiple``.
    """
    require_same(posterior, study)
    facts = setup_facts(study, setups, horizon_years=horizon_years, start=start)
    programmes = foreign_programmes(study, home or study.home)
    draws = Draws(posterior, programmes)
    each = np.asarray(multiples, dtype=float)
    each = np.broadcast_to(each if each.ndim == 2 else each[:, None], (len(each), draws.size))
    if not (each >= 0).all():
        raise UsageError("multiples: must be 0 or more")
    scored = [thinned_one(fact, programmes, draws, each) for fact in facts]
    names = [fact.setup_id for fact in facts]
    found = xr.DataArray(np.stack(scored), dims=("setup", "multiple", "sample"), coords={"setup": names})
    return found.transpose("sample", "setup", "multiple")


def thinned_one(facts: SetupFacts, programmes: Sequence[Programme], draws: Draws, multiples: np.ndarray) -> np.ndarray:
    """Probability of one setup by multiple: (multiple, sample)."""
    total = np.zeros_like(multiples)
    for option in facts.options:
        settled = Settled([option], programmes, draws)
        total += option.weight * probability_of(facts, option, settled, programmes, draws, multiples)
    return total


def probability_of(
    facts: SetupFacts,
    option: Option,
    settled: Settled,
    programmes: Sequence[Programme],
    draws: Draws,
    multiples: np.ndarray | None = None,
) -> np.ndarray:
    """Probability of an event at one option of a setup, by multiple of its hazards: (multiple, sample)."""
    years, windows = authority_windows(facts, programmes, draws)
    contract, leak = contract_cells(facts, draws), draws.get("leak")
    each = np.ones((1, draws.size)) if multiples is None else multiples
    share = np.array([weight * clause for weight in facts.custody.values() for clause, _ in contract])
    rate, scales = rates(facts, option, programmes, draws), custody_scales(facts, option, contract, draws)
    spent = [(weight, rate[:, None] * stretched(option, factor, years)) for weight, factor in windows]
    every = (scales[:, None] * each).reshape(-1, draws.size)
    through, _ = settled.through(spent, every)
    probability = (1.0 - leak) * through + leak * leaked(spent, every)
    return np.asarray(np.tensordot(share, probability.reshape(len(share), *each.shape), 1))


def custody_scales(
    facts: SetupFacts, option: Option, contract: Sequence[tuple[float, np.ndarray]], draws: Draws
) -> np.ndarray:
    """What custody and terms leave of the hazard, by reading of both: (custody and terms, sample)."""
    return np.stack([custody_factor(option, name, draws) * keep for name in facts.custody for _, keep in contract])


def authority_windows(
    facts: SetupFacts, programmes: Sequence[Programme], draws: Draws
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Years of each segment, and joint states of lapsed authorities: weight, factor (regime, segment, sample)."""
    years = np.array([segment.years for segment in facts.segments])
    shape = (len(programmes), len(years), draws.size)
    cells = authority_cells(facts, programmes, draws)
    return years, [(w, np.broadcast_to(f if f.ndim == 3 else f[:, :, None], shape)) for w, f in cells]


def _score(facts: SetupFacts, programmes: Sequence[Programme], draws: Draws, by_regime: bool) -> dict[str, Any]:
    """Everything about one setup, sample last."""
    years, windows = authority_windows(facts, programmes, draws)
    contract = contract_cells(facts, draws)
    total: dict[str, Any] = dict.fromkeys(("reach", "reach_any", "rate", "probability", "probability_regime"), 0.0)
    by_reading, labels = [], []
    for option in facts.options:
        part = _score_option(facts, option, programmes, draws, windows, contract, years, by_regime)
        for name in total:
            total[name] = total[name] + option.weight * part[name]  # weights of options add to 1
        by_reading.append(part["by_custody"])
        labels += [(option.provider_id, name, option.weight * weight) for name, weight in facts.custody.items()]
    reached, hazard = world(facts, programmes, draws, windows, contract)
    return {
        **total,
        "world_reached": reached.any(axis=0),
        "world_probability": -np.expm1(-hazard.sum(axis=0)),
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
) -> dict[str, Any]:
    """One provider of a setup: reach, rate and probability with settled unknowns integrated out exactly."""
    leak = draws.get("leak")
    rate = rates(facts, option, programmes, draws)
    scales = custody_scales(facts, option, contract, draws)
    share = np.array([weight * clause for weight in facts.custody.values() for clause, _ in contract])
    spent = [(weight, rate[:, None] * stretched(option, factor, years)) for weight, factor in windows]
    found = Settled([option], programmes, draws)
    through, alone = found.through(spent, scales, by_regime=by_regime)
    probability = (1.0 - leak) * through + leak * leaked(spent, scales)
    if alone is not None:
        alone = (1.0 - leak) * alone + leak * always(rate, scales, windows, years)
    by_custody = (probability * share[:, None]).reshape(len(facts.custody), len(contract), -1).sum(axis=1)
    by_custody /= np.array(list(facts.custody.values()))[:, None]
    return {
        "reach": leak + (1.0 - leak) * found.reach,
        "reach_any": leak + (1.0 - leak) * found.reach_any,
        "rate": rate * (scales * share[:, None]).sum(axis=0),
        "probability": (probability * share[:, None]).sum(axis=0),
        "probability_regime": 0.0 if alone is None else (alone * share[:, None]).sum(axis=1),
        "by_custody": by_custody,
    }
