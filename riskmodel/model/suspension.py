"""Suspension and covert collection: endpoints without counts, from judgement alone.

Designated entities lose service almost surely, others hardly ever, and one political decision hits many at once. Given
reach, the rate of a customer is lambda = d + nu f: an own designation d, and common shocks at rate nu, each of which
hits a fraction f. Known cases have no denominator, so that none is in a likelihood.

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| suspension_rate_*_location | lambda as the experts see it | log per customer-year | - | `expert_location_log` |
| suspension_common | nu f / lambda, share from common shocks | share | - | `suspension_common` |
| suspension_hit | f, customers hit by one shock | fraction | - | `suspension_hit` |
| degradation_given_cutoff_*_location | as the experts see it | logit | - | `expert_location_logit` |
| covert_collection_*_location | as the experts see it | logit | - | `expert_location_logit` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| suspension_rate | lambda, given reach | per customer-year | - |
| degradation_given_cutoff | service degrades once the licensor is cut off | probability | - |
| covert_yearly | covert collection of intelligible content in the Union | probability a year | - |
"""

from __future__ import annotations

import pymc as pm
import pytensor.tensor as pt

from riskmodel.model.judgement import Pool

__all__ = ["suspension"]

SANCTIONS = "US_SANCTIONS_IEEPA"
COVERT = "US_EO12333"


def suspension(pool: Pool) -> None:
    """Add the suspension endpoint and the covert line."""
    rate = pool.single("suspension_rate", "parent_control", SANCTIONS, kind="log")
    pm.Deterministic("suspension_rate", pt.exp(rate))
    pool.priors["suspension_common"].create("suspension_common")
    pool.priors["suspension_hit"].create("suspension_hit")
    degraded = pool.single("degradation_given_cutoff", "licensor_without_access", SANCTIONS)
    pm.Deterministic("degradation_given_cutoff", degraded)
    pm.Deterministic("covert_yearly", pool.single("covert_collection", "data_in_eu", COVERT))
