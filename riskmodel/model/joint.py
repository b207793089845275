"""The joint model: judgement and every submodel in one posterior; or any part of it alone."""

from __future__ import annotations

from collections.abc import Sequence

import pymc as pm

from riskmodel.design import Design
from riskmodel.errors import UsageError
from riskmodel.model import criminal, factors, reach
from riskmodel.model import customers as denominators
from riskmodel.model import funnel as stages
from riskmodel.model.countries import countries
from riskmodel.model.intelligence import intelligence
from riskmodel.model.judgement import Pool
from riskmodel.model.suspension import suspension
from riskmodel.priors import Priors

__all__ = ["PARTS", "build_model"]

PARTS = ("criminal", "funnel", "intelligence", "countries", "factors", "reach", "suspension")
"""Submodels that can be switched off; the funnel needs criminal process."""


def build_model(design: Design, priors: Priors, parts: Sequence[str] = PARTS) -> pm.Model:
    """Return the PyMC model for a design; pure, nothing is sampled.

    Parameters
    ----------
    design, priors
        From :func:`riskmodel.design.build_design` and :meth:`riskmodel.priors.Priors.from_study`.
    parts
        Submodels to build, default all: ``criminal`` process with its counts and statements, the request ``funnel``
        above it, ``intelligence`` with its bands, ``countries``, ``factors`` of a setup, ``reach``, ``suspension``.

    Raises
    ------
    KeyError
        If the design elicits an item that no submodel uses, or lacks one that a submodel needs.
    UsageError
        If a part does not exist, or the funnel is asked for without criminal process.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown or not parts:
        raise UsageError(f"parts: {', '.join(unknown) or 'none'} - must be among {', '.join(PARTS)}")
    if "funnel" in parts and "criminal" not in parts:
        raise UsageError("parts: funnel - needs criminal, whose rate per customer it explains")
    own = {**denominators.COORDS, **criminal.COORDS, **stages.COORDS, **factors.COORDS, **reach.COORDS}
    coords = {name: list(values) for name, values in {**design.coords, **own, "band_end": ("low", "high")}.items()}
    with pm.Model(coords=coords) as model:
        pool = Pool.create(design, priors)
        # random walks first: they then stand early among the parameters; this spares a bug of PyTensor 3.3
        # (slices that start beyond 127 are merged in 8-bit integers, with a traceback on stderr and no other harm)
        if {"criminal", "intelligence"} & set(parts):
            base = denominators.customers(pool)
            spread = priors["provider_spread"].create("provider_spread")
            if "intelligence" in parts:
                intelligence(pool, base, spread)
            if "criminal" in parts:
                if "funnel" in parts:
                    given = stages.shares(pool)
                    flow = criminal.criminal(pool, base, spread, given.log_abroad, given.log_given)
                    stages.funnel(pool, flow, given)
                else:
                    criminal.criminal(pool, base, spread)
        if "countries" in parts:
            countries(pool)
        if "factors" in parts:
            factors.factors(pool)
        if "reach" in parts:
            reach.reach(pool)
        if "suspension" in parts:
            suspension(pool)
        pool.observe(whole=set(parts) == set(PARTS))
    return model
