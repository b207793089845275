"""National-security orders: from published bands of accounts to events per foreign enterprise customer and year.

    bands       P(low <= count <= high) under log level, a random walk per reporter
    tasked      x_p = log[2 nu level_p share / (accounts per customer N_p)]  stock is not flow: nu is the new fraction
                x_p = log H_p + mix_p, H_p exchangeable: pulled towards the population as far as the mix may differ

The same accounts are tasked half-year after half-year; nu turns the stock into a flow. Bands of two reporters differ
partly in their mix of consumer and enterprise accounts, so a non-reporter does not inherit the difference.

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| band_level_* | accounts of a reporter, a random walk | log accounts | (half-years) | `band_start` |
| band_drift_* | drift of the walk | log per half-year | - | `band_drift` |
| band_spread_* | moves of the walk | log per half-year | - | `band_spread` |
| band_ahead_* | moves since the last band | sd | - | standard Normal, times its spread |
| tasked_population | log H of the population | sd | - | standard Normal, times its spread |
| tasked_reporter | log H of a reporter around it | sd | band_reporter | standard Normal, times its spread |
| newly_tasked_fraction_location | nu, accounts tasked anew in a half-year | logit | - | `expert_location_logit` |
| accounts_per_customer_location | accounts of a tasked customer | log excess over 1 | - | `expert_location_log` |
| enterprise_share_of_tasked_accounts_location | enterprises' accounts | logit | - | `expert_location_logit` |
| infrastructure_share_of_tasked_accounts_location | infrastructure among these | logit | - | `expert_location_logit` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| band_level_now | level at the study's date | log accounts | band_reporter |
| log_rate_intelligence | log H with the carried bias | log events per customer-year | service |
| log_rate_intelligence_reporter | the same of a reporter | log events per customer-year | band_reporter, service |
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.model.customers import CUSTOMERS, Customers
from riskmodel.model.judgement import Pool
from riskmodel.model.likelihood import kept, published

__all__ = ["intelligence"]

FISA = "US_FISA702"
BAND_WIDTH = 500.0
"""Accounts per published band since 2015 (US law allows bands of 250, 500 or 1,000)."""
WIDE = 50.0
"""Standard deviations to the ends of a band that is left out."""
LEAST = 0.5
"""Accounts that stand for the lower end of a band from zero."""
BAND_CUSTOMERS = {"microsoft": "msft_azure", "google_all": "google_cloud"}


def intelligence(pool: Pool, base: Customers, between: Any) -> None:
    """Add national-security bands and the rate they imply.

    Adds the deterministics ``band_level_now`` (band_reporter), ``log_rate_intelligence`` (service) and
    ``log_rate_intelligence_reporter`` (band_reporter, service). Without bands the level is the prior's.
    """
    reporters = pool.design.coords["band_reporter"]
    now = [_level(pool, k, name) for k, name in enumerate(reporters)]
    if reporters:
        level = pm.Deterministic("band_level_now", pt.stack(now), dims="band_reporter")
        bases = np.array([CUSTOMERS.index(BAND_CUSTOMERS[r]) for r in reporters])
        customers = (base.log_now + base.shift)[bases]
    else:
        level, customers = pool.priors["band_start"].create("band_level_unseen"), (base.log_now + base.shift).mean()
        pm.Deterministic("band_level_now", pt.zeros(0), dims="band_reporter")
    enterprise = pool.single("enterprise_share_of_tasked_accounts", regime=FISA)
    hosted = pool.single("infrastructure_share_of_tasked_accounts", regime=FISA)
    per_customer = pt.atleast_1d(
        np.log(2.0)
        + pt.log(pool.single("newly_tasked_fraction", regime=FISA))
        + level
        + pt.log(enterprise)
        - pt.log1p(pt.exp(pool.single("accounts_per_customer", regime=FISA, kind="log")))
        - customers
    )
    # what differs between two bands is partly their mix of consumer and enterprise accounts: pull towards the mean
    mix, own = pool.priors["composition_spread"].first, between
    weight, size = own**2 / (own**2 + mix**2), max(len(reporters), 1)
    population = per_customer.mean() + pt.sqrt((own**2 + mix**2) / size) * pm.Normal("tasked_population", 0, 1)
    split = pt.log(pt.stack([hosted, 1.0 - hosted]))
    pm.Deterministic("log_rate_intelligence", population + split, dims="service")
    if reporters:
        left = pt.sqrt(weight) * mix * pm.Normal("tasked_reporter", 0, 1, dims="band_reporter")
        reporter = weight * per_customer + (1.0 - weight) * population + left
    else:
        reporter = pt.zeros(0)
    pm.Deterministic("log_rate_intelligence_reporter", reporter[:, None] + split, dims=("band_reporter", "service"))


def _level(pool: Pool, k: int, name: str) -> Any:
    """Random walk of one reporter with its bands; return the level at the study's date."""
    bands, priors = pool.design.bands, pool.priors
    mine = np.flatnonzero(bands.reporter == name)
    middle = np.log((bands.low[mine] + bands.high[mine] + 1.0) / 2.0)
    drift = priors["band_drift"].create(f"band_drift_{name}")
    spread = priors["band_spread"].create(f"band_spread_{name}")
    steps = (bands.step[mine] - bands.step[mine].min()).astype(int)
    seen, first = np.unique(steps, return_index=True)
    length = max(int(seen[-1]), 1)  # PyMC has no walk without a step: a single band is its start
    path = pm.GaussianRandomWalk(
        f"band_level_{name}",
        mu=drift,
        sigma=spread,
        init_dist=pm.Normal.dist(priors["band_start"].first, priors["band_start"].second),
        steps=length,
        initval=np.interp(np.arange(length + 1), seen, middle[first]),
    )
    row = f"band_row_{name}"
    pm.modelcontext(None).add_coord(row, [f"{name}.{n}" for n in range(len(steps))])
    pm.CustomDist(
        f"band_{name}",
        path[steps],
        priors["band_noise"].first,
        kept(f"band_{name}", len(mine), row),
        logp=_band_logp,
        dist=_band_dist,
        signature="(n),(),(n)->(n,2)",
        observed=published(f"band_{name}", np.column_stack([bands.low[mine], bands.high[mine]]), (row, "band_end")),
    )
    ahead = bands.steps_to_now[k]
    step = pm.Normal(f"band_ahead_{name}", 0, 1)
    return path[[seen[-1]]].sum() + ahead * drift + np.sqrt(ahead) * spread * step


def _band_logp(value: Any, level: Any, noise: Any, mask: Any) -> Any:
    """Log probability of a band (low in column 0, high in 1), in the tail of the Normal that does not cancel."""
    low = pt.switch(mask > 0, (pt.log(pt.maximum(value[:, 0], LEAST)) - level) / noise, -WIDE)
    high = pt.switch(mask > 0, (pt.log(value[:, 1] + 1.0) - level) / noise, WIDE)
    flip = low + high > 0
    near, far = pt.where(flip, -high, low), pt.where(flip, -low, high)
    upper, lower = pm.logcdf(pm.Normal.dist(), far), pm.logcdf(pm.Normal.dist(), near)
    return upper + pt.log1mexp(lower - upper)


def _band_dist(level: Any, noise: Any, mask: Any, size: Any) -> Any:
    """Draw counts around the level and report them in bands of 500."""
    low = pt.floor(pt.exp(pm.Normal.dist(level, noise)) / BAND_WIDTH) * BAND_WIDTH
    return pt.stack([low, low + BAND_WIDTH - 1.0], axis=-1)
