"""Customers: the denominator, from elicited judgement and published totals with their dates.

    log N_p      non-US enterprise customers of a provider in the reports' sense, at the study's date
    log total_k  ~ Normal(log N_p + log ratio_d + elasticity index(t_k), noise),  "over X": right-censored at X

Published totals count other things than the reports do (any paying organisation, any active account, worldwide); the
ratio of each definition to the reports' own is a judgement.

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| customers_location | log N_p as the experts see it | log customers | customer_base | `expert_location_log` |
| customer_growth_elasticity_location | growth of customers over growth of seats | log | - | `expert_location_log` |
| total_level | log N_p + log ratio_d, at the study's date | log | total_definition | `expert_location_log` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| log_customers | log N_p with the carried bias | log customers | customer_base |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.design import item_key
from riskmodel.design.totals import DEFINITIONS
from riskmodel.model.judgement import Pool
from riskmodel.model.likelihood import kept, published

__all__ = ["COORDS", "CUSTOMERS", "Customers", "customers"]

CUSTOMERS = ("msft_azure", "aws", "ibm_cloud", "google_cloud")
FAR = 1e6
"""Spread of a total that is left out, on the log scale."""
COORDS = {"customer_base": CUSTOMERS, "total_definition": tuple(d for d, _ in DEFINITIONS.values())}


@dataclass(frozen=True)
class Customers:
    """``log_now`` (customer_base,) log customers at the study's date, and the carried bias ``shift`` that answers add.

    ``elasticity`` to the market's index.
    """

    log_now: Any
    shift: Any
    elasticity: Any


def customers(pool: Pool) -> Customers:
    """Add the denominators; return them."""
    location = pool.location("customers_location", dims="customer_base", kind="log")
    pool.place([item_key("enterprise_customers", c) for c in CUSTOMERS], location)
    shift = pool.shift("enterprise_customers", list(CUSTOMERS))
    pm.Deterministic("log_customers", location + shift, dims="customer_base")
    elasticity = pt.exp(pool.single("customer_growth_elasticity", kind="log"))
    totals, rows = pool.design.totals, len(pool.design.totals.log_total)
    names = [d for d, _ in DEFINITIONS.values()]
    definition = np.array([names.index(d) for d in totals.definition], dtype=int)
    # sampled as the level of the published totals, which is well known, instead of the ratio, which is not
    wide = pool.priors["expert_location_log"].second
    of_definition = location[np.array([CUSTOMERS.index(b) for _, b in DEFINITIONS.values()])]
    level = pm.Normal("total_level", of_definition, wide, dims="total_definition")
    pool.place([item_key("published_total_ratio", d) for d, _ in DEFINITIONS.values()], level - of_definition)
    mean = level[definition] + elasticity * totals.log_index
    mask = kept("log_total", rows, "total")
    noise = pt.switch(mask > 0, pool.priors["total_noise"].first, FAR)
    pm.Censored(
        "log_total",
        pm.Normal.dist(mean, noise),
        lower=None,
        upper=np.where(totals.over, totals.log_total, np.inf),
        observed=published("log_total", totals.log_total, "total"),
        dims="total",
    )
    return Customers(location, shift, elasticity)
